"""Darwin Core archives, tested from their rules to the zip."""
