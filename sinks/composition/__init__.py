"""Sample composition: from classified particles of runs to counts, abundances and biovolumes with their errors."""
