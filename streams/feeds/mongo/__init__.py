"""Images that a MongoDB collection lists: read in order, announced once, taken up again after the last one."""
