"""Counting: named, versioned rules of which accesses count, after COUNTER and others, that do not depend on order."""
