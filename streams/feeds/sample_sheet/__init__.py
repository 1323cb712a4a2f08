"""The sample sheet: what a person wrote down about each sample and its runs."""
