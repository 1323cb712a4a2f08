"""Submissions: signed counts of a local or offline installation, and their way into metric sheets."""
