"""Units opened for a detector: stills and clips of cameras, runs of instruments, by one promise."""
