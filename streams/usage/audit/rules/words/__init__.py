"""Rules on words: names spelt in two ways, countries put in groups they are not in."""
