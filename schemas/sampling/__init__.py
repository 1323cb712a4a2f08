"""What is known of a sample beside its images."""
