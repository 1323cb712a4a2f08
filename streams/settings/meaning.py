"""What is wrong with settings that are each of the right type: addresses, names of detectors, and what contradicts itself.

It is told of the settings' plain tables, so that a wrong setting elsewhere hides nothing: what is missing or of another type
is passed over here, for its own complaint says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from detectors.registry import REGISTRY
from schemas.errors import FatalFault
from schemas.topics import Topics
from sinks.darwin_core.labels import list_shipped_maps
from sinks.object_store.address import S3Address, read_address
from streams.brokers.address import check_address
from streams.settings.complaints import suggest, to_complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Plain = dict[str, Any]

#: An address that stands for a place in the deployment's own folder.
_OWN_LOG, _OWN_STORE = "embedded:", "file:"


def find_wrong_meanings(plain: Plain) -> list[str]:
    """Return everything that is wrong with settings beyond their types."""
    return [
        *_judge_broker(_to_table(plain, "broker")),
        *_judge_store(_to_table(plain, "store")),
        *_judge_installations(_to_table(plain, "installations")),
        *_judge_feeds(_to_table(plain, "feeds"), _to_table(plain, "installations")),
        *_judge_dataset(_to_table(plain, "dataset")),
    ]


def _judge_broker(broker: Plain) -> Iterator[str]:
    url = broker.get("url", _OWN_LOG)
    if isinstance(url, str) and url != _OWN_LOG:
        yield from _try("broker.url", lambda: check_address(url))
    prefix = broker.get("topic_prefix", "")
    if isinstance(prefix, str):
        try:
            Topics(prefix)
        except ValueError:
            yield (
                f"broker.topic_prefix: {prefix[:80]!r} cannot begin the name of a topic: it takes lower-case letters, digits, "
                "dots, hyphens and underscores, begins with one of the first two, and has at most 61 characters"
            )
    sasl = {"mechanism": "mechanism", "username": "username", "password": "password_file"}
    given = {name for name, file in sasl.items() if name in broker or file in broker}
    if given and given != set(sasl):
        missing = ", ".join(sasl[name] for name in sasl if name not in given)
        yield f"broker.{sasl[min(given)]}: a login needs mechanism, username and password_file together; missing: {missing}"
    certificates = [name for name in ("authority_file", "certificate_file", "key_file") if name in broker]
    if certificates and broker.get("tls", False) is False:
        yield f"broker.{certificates[0]}: certificates are used only with tls = true"
    yield from _judge_secrets("broker", broker, ("password",))


def _judge_store(store: Plain) -> Iterator[str]:
    url, others = store.get("url", _OWN_STORE), store.get("allowed_buckets", ())
    others = others if isinstance(others, list | tuple) else ()
    if isinstance(url, str):
        wrong = [] if url == _OWN_STORE else list(_try("store.url", lambda: read_address(url)))
        yield from wrong
        if not wrong:
            yield from _judge_buckets(url, [name for name in others if isinstance(name, str)])
    yield from _judge_secrets("store", store, ("access_key", "secret_key"))


def _judge_buckets(url: str, others: list[str]) -> Iterator[str]:
    address = None if url == _OWN_STORE else read_address(url)
    if others and not isinstance(address, S3Address):
        yield "store.allowed_buckets: only an S3 server has other buckets; this store is a folder"
        return
    for name in others:
        for wrong in _try("store.allowed_buckets", lambda: read_address(f"s3+https://host/{name}")):  # noqa: B023 - called at once
            yield wrong.replace("the object store's address", f"{name[:80]!r}")


def _judge_secrets(table: str, given: Plain, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if name in given and f"{name}_file" in given:
            yield f"{table}.{name}: give the value (by the environment) or the file, not both"


def _judge_installations(installations: Plain) -> Iterator[str]:
    for name in sorted(installations):
        settings = _to_table(installations, name)
        detector, parameters = settings.get("detector"), settings.get("parameters", {})
        if not isinstance(detector, str):
            continue
        entry = REGISTRY.get(detector)
        if entry is None:
            yield f"installations.{name}.detector: there is no detector {detector[:80]!r}{suggest(detector, REGISTRY)}"
        elif isinstance(parameters, dict):
            yield from _judge_parameters(entry.parameters, parameters, ("installations", name, "parameters"))


def _judge_parameters(taken: Any, given: Plain, below: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - a noun's class
    try:
        taken.model_validate(given)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            yield to_complaint(dict(item), taken.model_fields, below=below)


def _judge_feeds(feeds: Plain, installations: Plain) -> Iterator[str]:
    for name in sorted(feeds):
        feed = _to_table(feeds, name)
        installation = feed.get("installation")
        if isinstance(installation, str) and installation not in installations:
            where = f"feeds.{name}.installation"
            yield f"{where}: there is no [installations.{installation[:80]}]{suggest(installation, installations)}"
        sampling = _to_table(feed, "sampling")
        every_n, every_s = sampling.get("every_n", 1), sampling.get("every_s", 0)
        rules = [_is_above(every_n, 1), _is_above(every_s, 0), sampling.get("key_frames") is True]
        if sum(rules) > 1:
            yield f"feeds.{name}.sampling: give one of every_n, every_s and key_frames"
        yield from _judge_secrets(f"feeds.{name}.collection", _to_table(feed, "collection"), ("password",))


def _judge_dataset(dataset: Plain) -> Iterator[str]:
    named = dataset.get("label_map", "")
    if not isinstance(named, str) or not named:
        return
    if "label_map_file" in dataset:
        yield "dataset.label_map: give the name of a shipped label map or label_map_file, not both"
    elif named not in list_shipped_maps():
        yield f"dataset.label_map: no label map {named[:80]!r} comes with the program{suggest(named, list_shipped_maps())}"


def _try(where: str, read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except FatalFault as fault:
        yield f"{where}: {fault.sentence}"


def _to_table(plain: Mapping[str, Any], name: str) -> Plain:
    table = plain.get(name)
    return table if isinstance(table, dict) else {}


def _is_above(value: object, bound: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > bound
