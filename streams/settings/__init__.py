"""Settings: read once in ``main``, every wrong one named at once, passed on as values."""
