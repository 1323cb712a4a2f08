"""Kafka as a broker: its door, its words, its errors, and the Faust transport over it."""
