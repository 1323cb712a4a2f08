"""Tests of observatory-streams."""
