"""Rules: each a promise about every report, and what breaks it."""
