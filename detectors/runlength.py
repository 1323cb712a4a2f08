"""Masks as run lengths, for detectors: the form itself is of the ground floor, since pages read what detectors wrote."""

from __future__ import annotations

from schemas.runlength import decode_mask, encode_mask

__all__ = ["decode_mask", "encode_mask"]
