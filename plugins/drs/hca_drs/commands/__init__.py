"""The hand-written commands of ``hca drs``."""
