"""Rules on texts: what is said beside the tables, against them and against itself."""
