"""Benchmarks: what the program costs beside the work itself, as ratios of one run."""
