"""The account of what came in: ledger, dead letters, status and summary, recomputed from topics and store."""
