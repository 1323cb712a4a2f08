"""Pixels to findings: one folder per method, behind one promise."""
