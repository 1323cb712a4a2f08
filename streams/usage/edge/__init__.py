"""The edge: the last place where names and addresses are known; behind it there are pseudonyms and countries."""
