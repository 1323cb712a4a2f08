"""What differs between a topic as it shall be and as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from schemas.topics import Topic
    from streams.brokers.records import TopicState

_SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about a topic that is not as planned.

    Attributes
    ----------
    part
        What differs.
    planned, found
        As it shall be and as it is; of a retention ``None`` means that nothing is deleted for it.
    sentence
        The same in words.
    """

    part: Literal["partitions", "cleanup", "retention_s", "retention_bytes"]
    planned: int | str | None
    found: float | str | None
    sentence: str


def find_differences(topic: Topic, state: TopicState) -> tuple[Difference, ...]:
    """Return all in which a topic that is there differs from the plan; empty where it is as planned."""
    found = []
    if state.partitions != topic.partitions:
        sentence = f"{_count(state.partitions, 'partition')}, not {topic.partitions:,}"
        found.append(Difference("partitions", topic.partitions, state.partitions, sentence))
    if state.cleanup != topic.cleanup:
        sentence = f"cleanup is {state.cleanup}, not {topic.cleanup}"
        found.append(Difference("cleanup", topic.cleanup, state.cleanup, sentence))
    if state.retention_s != topic.retention_s:
        sentence = f"kept {describe_age(state.retention_s)}, not {describe_age(topic.retention_s)}"
        found.append(Difference("retention_s", topic.retention_s, state.retention_s, sentence))
    if state.retention_bytes is not None:
        sentence = f"at most {_count(state.retention_bytes, 'byte')} are kept per partition, not any number"
        found.append(Difference("retention_bytes", None, state.retention_bytes, sentence))
    return tuple(found)


def describe_age(age_s: float | None) -> str:
    """Return how long records are kept, in the largest span of which it is a whole number: ``30 days``, ``for ever``."""
    if age_s is None:
        return "for ever"
    for span, length_s in _SPANS:
        if age_s >= length_s and age_s % length_s == 0:
            return _count(int(age_s // length_s), span)
    return _count(int(age_s) if age_s == int(age_s) else age_s, "second")


def _count(number: float, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
