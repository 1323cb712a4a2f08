"""The moving part: topics, lanes, acknowledgement, usage and the command line; nobody imports it."""
