"""The differences between deployments of Azul: kinds of entities, fields, columns and checksums."""
