"""What only one kind of object store does."""
