"""Pools that tests share, for starting a process costs half a second."""

from __future__ import annotations

import pytest

from streams.feeds.decoding.pool import DecodingPool
from tests.support.opening import BY_WORD


@pytest.fixture(scope="module")
def pool():
    """Yield a pool with the opener of production."""
    with DecodingPool(size=2) as pool:
        yield pool


@pytest.fixture
def word_pool():
    """Yield a pool of one process that does what the bytes say."""
    with DecodingPool(size=1, opener=BY_WORD, preload=()) as pool:
        yield pool
