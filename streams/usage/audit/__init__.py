"""Audit: what can be seen to be wrong in tables of usage, by rules that know no table in particular."""
