"""Tests of the commands that train models and show them."""
