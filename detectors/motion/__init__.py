"""Moving things before a fixed camera: what differs from the background, without weights."""
