"""The history is made once for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.support.history.records import History, make_history


@pytest.fixture(scope="package")
def history() -> History:
    return make_history()
