"""Opening a collection where the extra is not installed, and where the folder of its files is missing."""

from __future__ import annotations

import sys

import pytest

from schemas.errors import FatalFault
from streams.feeds.mongo.opening import check_collection, open_collection
from tests.streams.feeds.mongo.builders import make_rule


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymongo", None)
    monkeypatch.delitem(sys.modules, "streams.feeds.mongo.pymongo_door", raising=False)
    with pytest.raises(FatalFault, match=r"need the mongo extra: pip install 'observatory-streams\[mongo\]'"):
        open_collection(make_rule())


def test_a_root_that_is_not_there_is_named_without_its_folder(tmp_path):
    rule = make_rule(root=tmp_path / "share", path_field="path")
    with pytest.raises(FatalFault, match="There is no folder share") as caught:
        check_collection(rule)
    assert str(tmp_path) not in caught.value.sentence
