"""Rules on one table: what its own cells say of each other."""
