"""Tests of training classifiers."""
