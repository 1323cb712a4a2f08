"""What is written beside the result of a run: particles, counts, composition, pictures."""
