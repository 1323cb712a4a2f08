"""The gate: an archive is read back and checked before it gets its name; a fault means no archive."""
