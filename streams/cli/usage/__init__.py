"""Commands on reports of usage."""
