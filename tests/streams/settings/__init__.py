"""Tests of the moving part."""
