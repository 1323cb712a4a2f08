"""Imports: counters of other systems, each with its window, its source and what it cannot say."""
