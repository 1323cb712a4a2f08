"""What each topic promises, written down from the models."""
