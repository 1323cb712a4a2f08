"""Rules on editions: what may not change silently from one report to the next."""
