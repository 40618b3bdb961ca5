"""Kafka: the only folder that speaks to a broker or a schema registry."""
