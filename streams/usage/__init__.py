"""Counted use: events in, facts kept, figures out."""
