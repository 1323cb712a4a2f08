"""Which partition a message key belongs to: the same answer as Kafka's own clients give, on every broker."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_SHIFT = 24
_WORD = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF

#: (message key, number of partitions) -> partition.
ChoosePartition = Callable[[bytes | None, int], int]


@lru_cache(maxsize=4096)
def hash_key(key: bytes) -> int:
    """Return the 32-bit murmur2 hash of a message key, as an unsigned number.

    Austin Appleby's MurmurHash2 with the seed of Kafka's Java client (``org.apache.kafka.common.utils.Utils.murmur2``), which
    most clients in other languages share.
    """
    length = len(key)
    state = _SEED ^ length
    whole = length - length % 4
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * _MULTIPLIER & _WORD
        word = (word ^ word >> _SHIFT) * _MULTIPLIER & _WORD
        state = (state * _MULTIPLIER & _WORD) ^ word
    if rest := key[whole:]:
        state = (state ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _WORD
    state = (state ^ state >> 13) * _MULTIPLIER & _WORD
    return state ^ state >> 15


def make_chooser() -> ChoosePartition:
    """Return a chooser: records with a key by its hash, records without one in turn."""
    turns = itertools.count()

    def choose_partition(key: bytes | None, partitions: int) -> int:
        if key is None:
            return next(turns) % partitions
        return (hash_key(key) & _POSITIVE) % partitions

    return choose_partition
