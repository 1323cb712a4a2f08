"""The text files beside a list: what the instrument says of the run as a whole."""
