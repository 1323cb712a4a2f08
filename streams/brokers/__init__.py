"""The broker's promise, the plain types that cross it, and the rules every broker here keeps."""
