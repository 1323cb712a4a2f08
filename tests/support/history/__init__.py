"""A made-up history of seven installations over 36 months: its deeds, its log records, and the truth about it."""
