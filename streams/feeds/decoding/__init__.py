"""Bytes to upright RGB pictures, in a process that can be killed."""
