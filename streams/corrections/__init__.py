"""Corrections: what follows from a corrected table of deployments, told again without looking at a picture again."""
