"""Records that no reader may trip over, each with the reason it is refused for; for every test that reads arrivals."""

from __future__ import annotations

from dataclasses import dataclass

Header = tuple[str, bytes | None]

GOOD: dict[str, bytes | None] = {
    "ce_specversion": b"1.0",
    "ce_type": b"media.arrived.v1",
    "ce_source": b"/feeds/cam",
    "ce_id": b"e-1",
    "ce_subject": b"a.jpg",
    "content-type": b"image/jpeg",
}
PARTS = {"content-type": b"application/vnd.observatory.parts+json"}
PIXELS = b"\xff\xd8\xff\xe0"


@dataclass(frozen=True)
class Hostile:
    """A record and the reason it is refused for."""

    name: str
    reason: str
    headers: tuple[Header, ...]
    value: bytes | None = PIXELS


def with_(name: str, reason: str, changed: dict[str, bytes | None], value: bytes | None = PIXELS) -> Hostile:
    """Return the good record with some headers changed; ``None`` leaves a header out."""
    merged = {**GOOD, **changed}
    return Hostile(name, reason, tuple((key, text) for key, text in merged.items() if text is not None), value)


def parts(name: str, reason: str, body: bytes | None) -> Hostile:
    """Return a record of references."""
    return with_(name, reason, PARTS, body)


HOSTILE: tuple[Hostile, ...] = (
    Hostile("no headers at all", "unreadable_envelope", ()),
    Hostile("headers without values", "unreadable_envelope", tuple((name, None) for name in GOOD)),
    with_("no id", "unreadable_envelope", {"ce_id": None}),
    with_("no subject", "unreadable_envelope", {"ce_subject": None}),
    Hostile(
        "structured mode",
        "unreadable_envelope",
        (("content-type", b"application/cloudevents+json"),),
        b'{"specversion": "1.0", "type": "media.arrived.v1"}',
    ),
    with_("subject that is not UTF-8", "unreadable_envelope", {"ce_subject": b"\xe9t\xe9.jpg"}),
    with_("foreign header that is not UTF-8", "unreadable_envelope", {"x-other": b"\xff\xfe"}),
    with_("older version", "unknown_version", {"ce_specversion": b"0.3"}),
    with_("newer version", "unknown_version", {"ce_specversion": b"2.0"}),
    with_("other type", "unknown_type", {"ce_type": b"result.stored.v1"}),
    with_("newer type", "unknown_type", {"ce_type": b"media.arrived.v2"}),
    with_("other source", "unknown_feed", {"ce_source": b"/cameras/cam"}),
    with_("empty feed", "unknown_feed", {"ce_source": b"/feeds/"}),
    with_("feed in capitals", "unknown_feed", {"ce_source": b"/feeds/CAM"}),
    with_("feed with a path", "unknown_feed", {"ce_source": b"/feeds/a/../b"}),
    with_("feed with a line break", "unknown_feed", {"ce_source": b"/feeds/cam\n"}),
    with_("empty id", "bad_envelope", {"ce_id": b""}),
    with_("long id", "bad_envelope", {"ce_id": b"x" * 201}),
    with_("id with a line break", "bad_envelope", {"ce_id": b"a\nb"}),
    with_("id with a terminal sequence", "bad_envelope", {"ce_id": b"\x1b[2J"}),
    with_("empty subject", "bad_subject", {"ce_subject": b""}),
    with_("long subject", "bad_subject", {"ce_subject": b"x" * 513}),
    with_("subject that grows when composed", "bad_subject", {"ce_subject": "\u0958".encode() * 300}),
    with_("absolute subject", "bad_subject", {"ce_subject": b"/etc/passwd"}),
    with_("climbing subject", "bad_subject", {"ce_subject": b"a/../../etc/passwd"}),
    with_("subject with a point segment", "bad_subject", {"ce_subject": b"./a.jpg"}),
    with_("subject with an empty segment", "bad_subject", {"ce_subject": b"a//b.jpg"}),
    with_("subject that is a folder", "bad_subject", {"ce_subject": b"a/"}),
    with_("subject with backslashes", "bad_subject", {"ce_subject": rb"..\..\a.jpg"}),
    with_("subject with a drive", "bad_subject", {"ce_subject": b"C:a.jpg"}),
    with_("subject with a NUL", "bad_subject", {"ce_subject": b"a.jpg\x00.png"}),
    with_("subject with a line break", "bad_subject", {"ce_subject": b"a\r\nb.jpg"}),
    with_("naive capture time", "naive_time", {"ce_capturedat": b"2024-04-22T08:00:01"}),
    with_("naive sending time", "naive_time", {"ce_time": b"2024-04-22T08:00:01"}),
    with_("a date alone", "naive_time", {"ce_capturedat": b"2024-04-22"}),
    with_("year 2200", "bad_time", {"ce_capturedat": b"2200-01-01T00:00:00Z"}),
    with_("year 1", "bad_time", {"ce_capturedat": b"0001-01-01T00:00:00+14:00"}),
    with_("seconds since 1970", "bad_time", {"ce_capturedat": b"1713772801"}),
    with_("second 60", "bad_time", {"ce_capturedat": b"2024-04-22T08:00:60Z"}),
    with_("31 April", "bad_time", {"ce_capturedat": b"2024-04-31T08:00:00Z"}),
    with_("empty time", "bad_time", {"ce_capturedat": b""}),
    with_("time in words", "bad_time", {"ce_time": b"yesterday"}),
    with_("bad modification time", "bad_time", {"ce_modifiedat": b"0"}),
    with_("unknown lane", "bad_envelope", {"ce_lane": b"fast"}),
    with_("unknown purpose", "bad_envelope", {"ce_purpose": b"fun"}),
    with_("digest that is none", "bad_envelope", {"ce_datasha256": b"ABC"}),
    with_("media type with a header in it", "bad_envelope", {"content-type": b"image/jpeg\r\nx-evil: 1"}),
    with_("media type that is not ASCII", "bad_envelope", {"content-type": "image/jpég".encode()}),
    with_("endless media type", "bad_envelope", {"content-type": b"x" * 101}),
    with_("no value", "empty_value", {}, None),
    with_("empty value", "empty_value", {}, b""),
    with_("presigned reference", "bad_reference", {"ce_dataref": b"s3://b/k?X-Amz-Signature=1"}, None),
    with_("presigned reference beside bytes", "bad_reference", {"ce_dataref": b"https://h/k?sig=1"}),
    with_("reference with credentials", "bad_reference", {"ce_dataref": b"s3://user:word@b/k"}, None),
    with_("reference with a fragment", "bad_reference", {"ce_dataref": b"s3://b/k#x"}, None),
    with_("climbing reference", "bad_reference", {"ce_dataref": b"originals/../../etc/passwd"}, None),
    with_("reference with a NUL", "bad_reference", {"ce_dataref": b"a\x00b"}, None),
    with_("empty reference", "bad_reference", {"ce_dataref": b""}, None),
    with_("endless reference", "bad_reference", {"ce_dataref": b"x" * 1101}, None),
    parts("references without a body", "unreadable_envelope", None),
    parts("references that are pixels", "unreadable_envelope", PIXELS),
    parts("references cut off", "unreadable_envelope", b'{"parts": [{"subject": "a"'),
    parts("references nested without end", "unreadable_envelope", b"[" * 200_000),
    parts("references nested deep", "unreadable_envelope", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    parts("references that are a list", "bad_envelope", b"[]"),
    parts("references that are a number", "bad_envelope", b"5"),
    parts("no parts", "bad_envelope", b'{"parts": []}'),
    parts("parts that are a word", "bad_envelope", b'{"parts": "all"}'),
    parts("201 parts", "bad_envelope", b'{"parts": [' + b",".join([b'{"subject":"a","dataref":"k"}'] * 201) + b"]}"),
    parts("part without reference", "bad_reference", b'{"parts": [{"subject": "a"}]}'),
    parts("part with a presigned reference", "bad_reference", b'{"dataref": "s3://b/k?sig=1"}'),
    parts("part that climbs", "bad_reference", b'{"dataref": "../k"}'),
    parts("part of another type", "bad_reference", b'{"dataref": 5}'),
    parts("part with a bad name", "bad_subject", b'{"subject": "../a", "dataref": "k"}'),
    parts("part with a negative size", "bad_envelope", b'{"dataref": "k", "size_bytes": -1}'),
    parts("part with a size that is no number", "bad_envelope", b'{"dataref": "k", "size_bytes": NaN}'),
    parts("part with a huge number", "bad_envelope", b'{"dataref": "k", "size_bytes": 1e400}'),
    parts("part with a half character", "bad_envelope", b'{"dataref": "\\ud800"}'),
    parts("number of ten thousand digits", "unreadable_envelope", b'{"dataref": ' + b"9" * 10_000 + b"}"),
)
