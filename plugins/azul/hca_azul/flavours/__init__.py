"""What deployments of Azul differ in: their kinds of entities, fields, columns and checksums."""
