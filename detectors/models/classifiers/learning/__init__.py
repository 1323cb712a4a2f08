"""Train a classifier: pictures and their runs, the network, and the file it becomes."""
