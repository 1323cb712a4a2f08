"""Figures out: facts read back, counted per installation and period, and written as tables and metrics."""
