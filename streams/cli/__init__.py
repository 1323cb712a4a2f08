"""The command line: each command reads the settings once, and imports only what it needs."""
