"""Darwin Core archives: what cameras saw, in the shape that OBIS reads."""
