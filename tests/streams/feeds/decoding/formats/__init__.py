"""Tests of opening units."""
