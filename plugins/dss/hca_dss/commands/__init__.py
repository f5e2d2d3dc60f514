"""The hand-written commands of ``hca dss``; all others are generated from the service's document."""
