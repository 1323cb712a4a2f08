"""Between the program and a decoding process: shared pixels, messages, the process's life and its confinement."""
