"""Records that are no use: which there are, and another try when their cause is mended."""
