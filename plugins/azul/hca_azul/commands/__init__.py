"""The hand-written commands of ``hca azul``; all others are generated from the service's document."""
