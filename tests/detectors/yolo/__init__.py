"""Tests of detectors.yolo."""
