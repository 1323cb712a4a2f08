"""Runs that lie on this machine: found in folders, and announced."""
