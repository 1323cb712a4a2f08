"""The contract as files: AsyncAPI 3, a JSON Schema for each message, and a page to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schemas.media import Rejection
from schemas.topics import LANES
from streams.brokers.comparison import describe_age
from streams.serving.contracts.json_schema import to_json_schema
from streams.serving.contracts.promises import Promise, list_promises

if TYPE_CHECKING:
    from pathlib import Path

#: Grows with the topics' major versions; a new optional field changes nothing that a reader must know.
CONTRACT_VERSION = "1.0.0"

_BINDING_VERSION = "0.5.0"
_MS = 1000

_ABOUT = (
    "What observatory-streams writes to its topics and reads from them. Values are JSON in canonical form (RFC 8785) unless a "
    "topic says otherwise; times are UTC, RFC 3339. Delivery is at least once: a repetition is known by the id that each topic "
    "names. Records of one key are in one partition and in order. A new optional field keeps the version of a topic: ignore "
    "fields that you do not know. A deployment may put a prefix and a dot before every name."
)


def make_files() -> dict[str, bytes]:
    """Return every file of the contract by its name; the same models give the same bytes."""
    promises = list_promises()
    files = {
        name_schema(promise): _to_bytes(to_json_schema(promise.value, without=promise.not_on_wire))
        for promise in promises
        if promise.value is not None
    }
    files["rejection.schema.json"] = _to_bytes(to_json_schema(Rejection))
    files["asyncapi.json"] = _to_bytes(to_asyncapi(promises))
    files["README.md"] = to_page(promises).encode()
    return dict(sorted(files.items()))


def write_files(folder: Path) -> tuple[str, ...]:
    """Write the contract into a folder, and return the names of the files that changed.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, data in make_files().items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
            changed.append(name)
    return tuple(changed)


def name_schema(promise: Promise) -> str:
    """Return the name of the file of a topic's schema: ``metric.period.v1.schema.json``."""
    plain = promise.name.replace("{installation}.{lane}.", "")
    return f"{plain}.schema.json"


def to_asyncapi(promises: tuple[Promise, ...]) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document, from the view of the program."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "observatory-streams",
            "version": CONTRACT_VERSION,
            "description": _ABOUT,
            "license": {"name": "AGPL-3.0-or-later"},
        },
        "defaultContentType": "application/json",
        "channels": {promise.channel: _to_channel(promise) for promise in promises},
        "operations": {
            f"{promise.action}_{promise.channel}": {
                "action": promise.action,
                "channel": {"$ref": f"#/channels/{promise.channel}"},
                "summary": promise.title,
                "messages": [
                    {"$ref": f"#/channels/{promise.channel}/messages/{name}"} for name in _make_messages(promise)
                ],
            }
            for promise in promises
        },
        "components": {
            "messages": {name: message for promise in promises for name, message in _make_messages(promise).items()}
        },
    }


def _to_channel(promise: Promise) -> dict[str, Any]:
    retention = promise.kept.retention_s
    channel: dict[str, Any] = {
        "address": promise.name,
        "title": promise.title,
        "description": _describe(promise),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _make_messages(promise)},
        "bindings": {
            "kafka": {
                "topicConfiguration": {
                    "cleanup.policy": [promise.kept.cleanup],
                    "retention.ms": -1 if retention is None else retention * _MS,
                },
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }
    if "{" in promise.name:
        channel["parameters"] = {
            "installation": {"description": "An installation of the settings."},
            "lane": {"description": "How urgent it is.", "enum": list(LANES)},
        }
    return channel


def _describe(promise: Promise) -> str:
    return " ".join(f"{name}: {text}" for name, text in _list_texts(promise) if name != "Headers")


def _make_messages(promise: Promise) -> dict[str, dict[str, Any]]:
    """Return the messages of a topic: of JSON that has a schema, of other bytes, or both."""
    message: dict[str, Any] = {
        "name": promise.name,
        "title": promise.title,
        "description": promise.value_in_words,
        "bindings": {
            "kafka": {"key": {"type": "string", "description": promise.key}, "bindingVersion": _BINDING_VERSION}
        },
    }
    named = [header for header in promise.headers if " " not in header.name]
    if named:
        message["headers"] = {
            "type": "object",
            "properties": {
                header.name: {"type": "string", "description": header.meaning}
                | ({"const": header.value} if header.value else {})
                for header in named
            },
            "required": [header.name for header in named if header.is_required],
        }
    made = {}
    if promise.value is not None:
        payload = {"$ref": f"./{name_schema(promise)}"}
        made[promise.channel] = message | {"contentType": promise.media_type, "payload": payload}
    if promise.or_bytes:
        made[f"{promise.channel}_bytes"] = message | {"contentType": "application/octet-stream"}
    return made


def tell_retention(promise: Promise) -> str:
    """Return in words how long records are kept."""
    retention = promise.kept.retention_s
    if promise.kept.cleanup == "compact":
        return "Compacted: the newest record of each key is kept for ever."
    return "Kept for ever." if retention is None else f"Deleted after {describe_age(retention)}; never compacted."


def _list_texts(promise: Promise) -> list[tuple[str, str]]:
    headers = "; ".join(
        f"`{header.name}`{' (always)' if header.is_required else ''}: {header.meaning.rstrip('.')}"
        for header in promise.headers
    )
    return [
        ("Written by", promise.writer),
        ("Message key", promise.key),
        ("Value", promise.value_in_words),
        ("Headers", f"{headers}." if headers else "None."),
        ("Retention", tell_retention(promise)),
        ("Delivery", f"At least once. {promise.repeats}"),
        ("To join", promise.joins),
    ]


def to_page(promises: tuple[Promise, ...]) -> str:
    """Return the contract as a page."""
    parts = [
        "# What the topics promise",
        "Made from the models by `observatory contracts`; a test holds these files against them. Do not edit them by hand.",
        _ABOUT,
        (
            "The same for machines: [asyncapi.json](asyncapi.json) (AsyncAPI 3.0), and a JSON Schema (draft 7) for each message. "
            "How to read a topic: [consumers.md](../consumers.md)."
        ),
    ]
    for promise in promises:
        rows = [f"| {name} | {_to_cell(text)} |" for name, text in _list_texts(promise)]
        if promise.value is not None:
            rows.append(f"| Schema | [{name_schema(promise)}]({name_schema(promise)}) |")
        parts += [f"## `{promise.name}`", f"{promise.title}.", "\n".join(["| | |", "|---|---|", *rows])]
    parts.append("The header `rejection` of a dead letter: [rejection.schema.json](rejection.schema.json).")
    return "\n\n".join(parts) + "\n"


def _to_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _to_bytes(plain: dict[str, Any]) -> bytes:
    return (json.dumps(plain, ensure_ascii=False, indent=2) + "\n").encode()
