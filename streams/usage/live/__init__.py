"""Live figures: what is kept current on the metric topic."""
