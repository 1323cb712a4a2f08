"""EcoTaxa-format exports: a TSV of objects, and their images."""
