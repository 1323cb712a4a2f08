"""The nouns of the project and the three ways things go wrong: pydantic and numpy only, no vendor, no I/O."""
