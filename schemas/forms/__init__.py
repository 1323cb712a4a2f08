"""How things are written: the registry of quantities, and the run lengths of masks."""
