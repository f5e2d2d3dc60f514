"""Commands of ``hca cellxgene``."""
