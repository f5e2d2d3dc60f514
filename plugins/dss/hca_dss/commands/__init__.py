"""The hand-written commands of ``hca dss``; all others are made from the service's document."""
