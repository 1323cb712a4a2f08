"""Pictures with findings drawn into them, and the static summary page: what a person looks at."""
