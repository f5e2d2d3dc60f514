"""The hand-written commands of ``hca azul``; all others are made from the service's document."""
