"""Which collection lists a feed's images: what can be set, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.streams.feeds.mongo.builders import make_rule


def test_only_named_fields_leave_the_database():
    rule = make_rule(key_field="object.key", time_field="taken")
    assert rule.fields == ("object.key", "taken")
    assert rule.source == "lab.images"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_field": None}, "path_field or key_field"),
        ({"path_field": "path"}, "path_field needs root"),
        ({"url": "http://host"}, "begins with mongodb://"),
        ({"url": "mongodb://erika:secret@host"}, "password does not belong"),
        ({"key_field": "$where"}, "not the name of a field"),
        ({"key_field": "a..b"}, "not the name of a field"),
        ({"key_fields": "a"}, "Extra inputs"),
        ({"database": ""}, "at least 1 character"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words.replace("$", r"\$")) as caught:
        make_rule(**changes)
    assert words
    assert "secret" not in str(caught.value.errors(include_input=False, include_url=False))
