"""Models: where they are found, what their cards say, and how they are trained and measured."""
