"""The durable places, seen from outside."""
