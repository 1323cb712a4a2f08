"""Where large and lasting bytes are kept: one promise, kept by a local folder, by any S3 server and by memory."""
