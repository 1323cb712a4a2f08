"""Tests of the way of a unit."""
