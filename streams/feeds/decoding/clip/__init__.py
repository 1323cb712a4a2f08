"""The account of a clip: which frame is which and when, kept without its pixels."""
