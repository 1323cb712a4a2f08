"""Tests of detectors.runtimes."""
