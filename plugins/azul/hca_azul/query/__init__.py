"""Queries to Azul: catalogs, fields, filters and listings."""
