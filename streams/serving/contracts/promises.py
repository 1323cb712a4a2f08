"""What each topic promises in words: key, headers, who writes, what a repetition is, how to join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.media import PARTS_MEDIA_TYPE, MediaSettled, ReferencedBody, Rejection
from schemas.result import ResultStored
from schemas.topics import Topics
from schemas.unit import WorkOrder
from schemas.usage import MetricValue, UsageEvent
from schemas.wire import FEED_SOURCE, MEDIA_ARRIVED_TYPE, REJECTION_HEADER, SPEC_VERSION

if TYPE_CHECKING:
    from typing import Literal

    from schemas.noun import Noun
    from schemas.topics import Topic

#: What stands for any installation and lane in the name of a topic.
_ANY, _LANE = "{installation}", "{lane}"


@dataclass(frozen=True, slots=True)
class Header:
    """One header of a record; ``value`` where it can have only one."""

    name: str
    meaning: str
    is_required: bool = False
    value: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """One topic.

    Attributes
    ----------
    kept
        How the topic is kept, as the program makes it.
    action
        Whether the program sends to the topic or receives from it.
    value
        What a record's value is, where it is JSON of ours.
    value_in_words
        What a record's value is.
    media_type
        Of the value, where it is JSON of ours.
    or_bytes
        Whether the value may be any bytes instead.
    not_on_wire
        Fields of the value that are not written.
    repeats
        How a repetition is known, for delivery is at least once.
    joins
        How its records lead to those of other topics and to objects.
    """

    name: str
    kept: Topic
    action: Literal["send", "receive"]
    title: str
    writer: str
    key: str
    value: type[Noun] | None
    value_in_words: str
    repeats: str
    joins: str
    headers: tuple[Header, ...] = ()
    media_type: str = "application/json"
    or_bytes: bool = False
    not_on_wire: tuple[str, ...] = ()

    @property
    def channel(self) -> str:
        """The topic's name as an identifier: ``media_arrived``."""
        words = [word for word in self.name.removesuffix(".v1").split(".") if "{" not in word]
        return "_".join(words)


_ARRIVAL_HEADERS = (
    Header("ce_specversion", "Version of CloudEvents.", is_required=True, value=SPEC_VERSION),
    Header("ce_type", "Type of the event.", is_required=True, value=MEDIA_ARRIVED_TYPE),
    Header("ce_source", f"`{FEED_SOURCE}<feed>`: the source, as the settings name it.", is_required=True),
    Header(
        "ce_id",
        "The sender's id of the event, at most 200 characters; the same again is a redelivery.",
        is_required=True,
    ),
    Header("ce_subject", "The sender's name of the file.", is_required=True),
    Header("ce_time", "When the event was sent, RFC 3339 with a zone."),
    Header("ce_capturedat", "When the instrument looked, RFC 3339 with a zone; else the feed's rule finds it."),
    Header("ce_modifiedat", "When the file was last changed; looked at only where the feed's rule says so."),
    Header("ce_lane", "`live` (default) or `archive`."),
    Header("ce_purpose", "`user` (default), `replay`, `canary`, `staff` or `test`."),
    Header("ce_datasha256", "SHA-256 of the bytes, 64 hex digits; checked."),
    Header("ce_dataref", "Where the bytes are, if they are not the value: a key of the store or an allowed address."),
    Header("content-type", "Media type of the bytes, or of the list of references."),
)


def list_promises() -> tuple[Promise, ...]:
    """Return what every topic of a deployment promises, in the order of an image's way."""
    topics = Topics()
    kept = {topic.name: topic for topic in topics.plan([_ANY], partitions=1, announced=True)}
    work = topics.work(_ANY, "live")
    return (
        _promise_arrivals(kept[topics.media_arrived]),
        Promise(
            name=work.replace("live", _LANE),
            kept=kept[work],
            action="send",
            title="Complete units on their way to a detector; references only, never pixels",
            writer="The router. Workers read it; it is no place for others to write.",
            key="The unit's id.",
            value=WorkOrder,
            value_in_words="One work order.",
            repeats="The same `unit.stamp.unit_id` is the same unit; doing it twice leaves the same objects.",
            joins="`source` and `event` are `ce_source` and `ce_id` of the arrival that completed the unit.",
        ),
        _promise_results(kept[topics.result_stored]),
        _promise_ends(kept[topics.media_settled]),
        _promise_letters(kept[topics.media_rejected]),
        _promise_uses(kept[topics.usage_recorded]),
        _promise_figures(kept[topics.metric_period]),
        Promise(
            name=topics.object_created,
            kept=kept[topics.object_created],
            action="receive",
            title="New objects of a bucket, where the object store announces them",
            writer="The object store itself.",
            key="As the store gives it.",
            value=None,
            or_bytes=True,
            value_in_words="JSON in the S3 event format of the store; its makers document it.",
            repeats="The same bucket, object key and version is the same object.",
            joins="The object's key becomes the subject of an arrival.",
        ),
    )


def _promise_arrivals(kept: Topic) -> Promise:
    return Promise(
        name=kept.name,
        kept=kept,
        action="receive",
        title="Announced media: the front door",
        writer="Anybody who may: `observatory watch`, `observatory push`, or any Kafka client (docs/publish-a-picture.md).",
        key="The feed, so that one feed stays in order.",
        value=ReferencedBody,
        value_in_words=(
            "The bytes themselves (CloudEvents 1.0, binary mode); or JSON that lists references, as the schema says, with its "
            "media type in `content-type`; or nothing, with `ce_dataref`. A record is at most 1,000,000 bytes."
        ),
        repeats="The same `ce_source` and `ce_id` again is the same arrival.",
        joins="`media.settled.v1` says under `<ce_source>#<ce_id>` what became of it.",
        headers=_ARRIVAL_HEADERS,
        media_type=PARTS_MEDIA_TYPE,
        or_bytes=True,
        not_on_wire=("kind",),
    )


def _promise_results(kept: Topic) -> Promise:
    return Promise(
        name=kept.name,
        kept=kept,
        action="send",
        title="Announced results: what was seen in a unit, in short, and where the whole of it is",
        writer="Workers, after every object of the result is durable.",
        key="The unit's id.",
        value=ResultStored,
        value_in_words="One announcement. A unit in which nothing was found is announced too, with zeros.",
        repeats=(
            "The same `result_id` again is the same result: equal in everything but `processing`. A result whose "
            "`supersedes` names another takes its place."
        ),
        joins=(
            "`document.key` and the keys of `products` are objects of the store; `sha256` is of their bytes. `unit.unit_id` "
            "stands in `end.unit_ids` of `media.settled.v1`."
        ),
    )


def _promise_ends(kept: Topic) -> Promise:
    return Promise(
        name=kept.name,
        kept=kept,
        action="send",
        title="How each arrival ended",
        writer="The router (`in_work`, `duplicate`, `skipped`, `set_aside`) and workers (the end).",
        key="`<ce_source>#<ce_id>` of the arrival.",
        value=MediaSettled,
        value_in_words="The newest of an arrival's states; `in_work` is followed by another, unless it is still at work.",
        repeats="The newest record of a key counts; an equal one changes nothing.",
        joins="`end.unit_ids` are keys of `result.stored.v1`; `end.rejection_id` is that of a dead letter.",
    )


def _promise_letters(kept: Topic) -> Promise:
    return Promise(
        name=kept.name,
        kept=kept,
        action="send",
        title="Dead letters: records that were set aside, as they came, with the reason",
        writer="The router, workers and feeds. `observatory dead-letters retry` sends one again.",
        key="As the record came.",
        value=None,
        or_bytes=True,
        value_in_words=(
            "As the record came; where it was too large to be kept with its reason, nothing, and `ce_dataref` says where its "
            "bytes are."
        ),
        repeats=f"The same `rejection_id` in the header `{REJECTION_HEADER}` is the same rejection.",
        joins="The headers of the arrival, or the work order in the value, name the arrival.",
        headers=(
            Header(
                REJECTION_HEADER,
                f"JSON of a {Rejection.__name__}: why it was set aside, and the topic that a retry goes back to.",
                is_required=True,
            ),
            Header("any other", "As the record came."),
        ),
    )


def _promise_uses(kept: Topic) -> Promise:
    return Promise(
        name=kept.name,
        kept=kept,
        action="send",
        title="Uses, one by one, with pseudonyms: for the meter, not for consumers",
        writer="Every door and every worker, before the input is acknowledged.",
        key="The installation.",
        value=UsageEvent,
        value_in_words="One use. It holds a pseudonym and digests of contents: give only the meter the right to read it.",
        repeats="The same `event_id` is the same use (docs/usage.md says how different uses under one id are told).",
        joins="Figures are made from the facts in the object store, not from this topic; read `metric.period.v1`.",
    )


def _promise_figures(kept: Topic) -> Promise:
    return Promise(
        name=kept.name,
        kept=kept,
        action="send",
        title="Figures per installation, metric and period: what consumers subscribe to",
        writer="Workers, when they start and every ten minutes, and `observatory report --publish`; "
        "equal to what the report says at that moment.",
        key="`<installation>/<metric>/<from_at>/<to_at>`.",
        value=MetricValue,
        value_in_words=(
            "One figure. `value.kind` says what it is: `measured`, only bounds, a list of names, or `not_measured`, which is "
            "not 0. `coverage` is the share of the period that was counted, `gaps` what was not."
        ),
        repeats="The newest record of a key counts; an equal one changes nothing. Figures that are not `additive` never add.",
        joins="Figures of one installation and period share `period` and, if they are of the same facts, `as_of`.",
    )
