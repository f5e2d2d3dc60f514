"""Ask Azul: catalogs, fields, filters and listings."""
