"""From findings to durable places and formats."""
