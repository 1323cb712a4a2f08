"""Shapes: what lines of a bulk have in common, made into a use once, through the same call as every other door's."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from schemas.media import Purpose
from schemas.unit import UnitKind
from schemas.usage import Heartbeat, Ingested, MarkedByHand, NotDone, Processed, Served
from streams.brokers.records import Stored
from streams.usage.edge.admission import Visitor
from streams.usage.edge.caller import Act, Method, Request, Traffic, record_use
from streams.usage.edge.kinds import IMAGE_KINDS
from streams.usage.edge.traces import COMPLAINT, find_telling
from streams.usage.events import to_event_bytes
from streams.usage.rows import to_fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.usage.edge.admission import Edge

#: Fields that most lines share with others; each combination is looked at once.
SHAPE_FIELDS = (
    "door", "installation", "act", "operation", "purpose", "traffic", "access", "unit", "observer", "observer_version",
    "observer_sha256", "reprocessing_of", "resource", "reason", "issuer", "subject", "token", "address", "agent",
    "home_country", "institution", "owner", "session", "since", "last", "era", "has_images", "has_cpu", "has_gpu",
)  # fmt: skip

#: Stand where each line has its own; control characters, which canonical JSON never holds as they are.
REQUEST, BYTES, CONTENTS, CPU, EVENT_ID, GPU, IMAGES, REQUESTED_AT, UNITS, PROGRAM = map(chr, range(1, 11))

_NUMBER = 4_242_424_242_424_242
_AT = dt.datetime(2199, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
_SHA, _EVENT_ID = "c0" * 32, "e1" * 16
_REQUEST = "observatory-request-of-a-line"

_MARKS = (
    (f'"processing_id":"{_REQUEST}"', f'"processing_id":"{REQUEST}"'),
    (f'"bytes":{_NUMBER}', f'"bytes":{BYTES}'),
    (f'"contents":["{_SHA}"]', f'"contents":[{CONTENTS}]'),
    (f'"cpu_ms":{_NUMBER},', CPU),
    (f'"event_id":"{_EVENT_ID}"', f'"event_id":"{EVENT_ID}"'),
    (f'"gpu_ms":{_NUMBER},', GPU),
    (f'"requested_at":"{_AT:%Y-%m-%dT%H:%M:%S}.000Z",', REQUESTED_AT),
)

_ACTS = ("processed", "ingested", "served", "annotated", "failure", "refused", "health", "heartbeat")
_OPERATIONS = {
    "processed": "detect",
    "ingested": "ingest",
    "served": "download",
    "annotated": "annotate",
    "heartbeat": "heartbeat",
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "act": _ACTS,
    "traffic": get_args(Traffic),
    "access": get_args(Method),
    "purpose": get_args(Purpose),
    "unit": get_args(UnitKind),
}
_ROR = re.compile(r"(?:https://ror\.org/)?(0[a-z0-9]{6}[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Template:
    """A use with marks where each line has its own.

    Attributes
    ----------
    canonical
        Its canonical JSON.
    identity
        The canonical JSON from which the event's id follows.
    row
        Its row of facts; what each line has of its own is meaningless there.
    unit, image
        Kinds that the line's counts are of.
    program
        The canonical JSON of what is said of the program, with its name before and a comma behind; empty where nothing is.
    """

    canonical: str
    identity: str
    row: dict[str, Any]
    unit: str
    image: str
    program: str = ""


def make_template(edge: Edge, fields: Mapping[str, str], at: dt.datetime, known: frozenset[str]) -> Template:
    """Return the use that all lines of a shape are.

    Parameters
    ----------
    fields
        By name; what is absent is empty.
    at
        The time of any of the lines.
    known
        Installations that there are.

    Raises
    ------
    ValueError
        Saying what is wrong; it names the field, and nothing that stood in it: in a table whose columns are displaced that
        is anybody's name.
    """
    for name, choices in _CHOICES.items():
        if fields[name] and fields[name] not in choices:
            message = f"{name}: what stands there is none of {', '.join(choices)}"
            raise ValueError(message)
    if fields["installation"] not in known:
        message = f"installation: there is none of that name; there are {', '.join(sorted(known))}"
        raise ValueError(message)
    telling = find_telling(fields)
    if telling is not None:
        message = f"{telling}: {COMPLAINT}"
        raise ValueError(message)
    try:
        caller = edge.admit(_to_visitor(fields), at)
        event = record_use(caller, _to_request(fields))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = f"{place}: {first['msg']}"
        raise ValueError(message) from None
    plain = event.to_plain()
    canonical = to_event_bytes(plain).decode()
    program = "" if event.program is None else f'"program":{event.program.to_canonical().decode()},'
    if program:
        canonical = canonical.replace(program, PROGRAM, 1)
    for text, mark in _MARKS:
        canonical = canonical.replace(text, mark, 1)
    unit, image = fields["unit"] or "still", IMAGE_KINDS.get(fields["unit"] or "still", "")  # type: ignore[call-overload]
    canonical = canonical.replace(f'"units":{{"{unit}":{_NUMBER}}}', f'"units":{{{UNITS}}}', 1)
    canonical = canonical.replace(f'"images":{{"{image}":{_NUMBER}}}', f'"images":{{{IMAGES}}}', 1)
    observer = f'"observer":"{fields["observer_sha256"]}",' if event.act.kind == "processed" else ""
    identity = (
        f'{{"door":"{event.door}",{observer}"operation":"{event.operation}","request":"{REQUEST}","rule":"usage/1"}}'
    )
    record = Stored("usage", 0, 0, _AT, b"", (), b"")
    return Template(canonical, identity, to_fact(record, event), unit, image, program)


def _to_visitor(fields: Mapping[str, str]) -> Visitor:
    ror = _ROR.fullmatch(fields["institution"])
    if fields["institution"] and ror is None:
        message = (
            "institution: a ROR id is expected, such as https://ror.org/02nv7yv05; leave it out where it is unknown"
        )
        raise ValueError(message)
    if bool(fields["issuer"]) != bool(fields["subject"]):
        message = "issuer, subject: a login has both"
        raise ValueError(message)
    return Visitor(
        door=fields["door"],
        issuer=fields["issuer"],
        subject=fields["subject"],
        token=fields["token"],
        address=fields["address"],
        agent=fields["agent"],
        session=fields["session"],
        home_country=fields["home_country"],
        institution=ror[1] if ror else None,
        owner=fields["owner"] or "unknown",
        traffic=fields["traffic"] or "external",  # type: ignore[arg-type]
        access=fields["access"] or None,  # type: ignore[arg-type]
    )


def _to_request(fields: Mapping[str, str]) -> Request:
    act = _to_act(fields)
    unit = fields["unit"] or "still"
    image = IMAGE_KINDS.get(unit)  # type: ignore[call-overload]
    if fields["has_images"] and image is None:
        message = f"images: a {unit} has none"
        raise ValueError(message)
    return Request(
        event_id=_EVENT_ID,
        requested_at=_AT,
        installation=fields["installation"],
        operation=fields["operation"] or _OPERATIONS.get(fields["act"], "detect"),
        act=act,
        purpose=fields["purpose"] or ("canary" if fields["act"] == "heartbeat" else "user"),  # type: ignore[arg-type]
        units={} if fields["act"] == "heartbeat" else {unit: _NUMBER},
        images={image: _NUMBER} if fields["has_images"] and image else {},
        bytes=_NUMBER,
        contents=(_SHA,),
        cpu_ms=_NUMBER if fields["has_cpu"] else None,
        gpu_ms=_NUMBER if fields["has_gpu"] else None,
    )


def _to_act(fields: Mapping[str, str]) -> Act:
    match fields["act"]:
        case "processed":
            return Processed(
                processing_id=_REQUEST,
                reprocessing_of=fields["reprocessing_of"] or None,
                observer_name=fields["observer"],
                observer_version=fields["observer_version"],
                observer_sha256=fields["observer_sha256"],
            )
        case "ingested":
            return Ingested()
        case "served":
            return Served(resource=fields["resource"])
        case "annotated":
            return MarkedByHand()
        case "heartbeat":
            return Heartbeat.model_validate({"since_at": fields["since"], "last": fields["last"] or "false"})
        case "failure" | "refused" | "health" as status:
            return NotDone(status=status, reason=fields["reason"] or "not_told")
        case _:
            message = f"act: it is missing; there are {', '.join(_ACTS)}"
            raise ValueError(message)
