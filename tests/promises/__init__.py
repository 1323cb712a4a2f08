"""One suite a promise, run over every implementation, fakes included."""
