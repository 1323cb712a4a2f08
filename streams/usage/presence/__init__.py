"""Presence: which doors were there to count, told by heartbeats."""
