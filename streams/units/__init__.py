"""The way of a unit: from an announced arrival to its stored and announced result."""
