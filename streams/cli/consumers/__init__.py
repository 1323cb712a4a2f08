"""Commands for those who read what comes out."""
