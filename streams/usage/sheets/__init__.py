"""Metric sheets: what an installation reports, declared and versioned; and the assessment made of it."""
