"""Remarks: what the facts say beside the cells, for the commentary."""
