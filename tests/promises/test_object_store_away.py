"""Whoever loses a store for a while is told so, and finds everything again; no store is made unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.errors import FatalFault, TransientFault
from sinks.object_store.local import LocalStore
from sinks.object_store.memory import MemoryStore
from sinks.object_store.store import ObjectStore
from tests.promises.test_object_store import ALL, BOUNDED, OCTETS, list_keys, make_store, open_s3
from tests.services.fixtures import S3Server


@pytest.mark.parametrize("kind", BOUNDED)
def test_a_store_is_made_only_when_asked_for(kind: str, request: pytest.FixtureRequest):
    store = make_store(kind, request)
    with pytest.raises(FatalFault, match=r"`observatory check`"):
        store.check(create=False)
    with pytest.raises((FatalFault, TransientFault)):
        store.write("results/one", b"fish", media_type=OCTETS)
    with pytest.raises((FatalFault, TransientFault)):
        store.read("results/one")
    store.check(create=True)
    store.check(create=True)
    store.check(create=False)
    assert list_keys(store) == []


class Away:
    """Lets a store be away, each kind in its own way."""

    def __init__(self, store: ObjectStore, go: Callable[[], object], come: Callable[[], object]) -> None:
        self.store, self.go, self.come = store, go, come


@pytest.fixture(params=ALL)
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Away]:
    if request.param == "memory":
        gone: list[bool] = []

        def fail(verb: str, _: str) -> None:
            if gone:
                raise TransientFault(f"no {verb} now")

        yield Away(MemoryStore(before=fail), lambda: gone.append(True), gone.clear)
    elif request.param == "local":
        root, aside = tmp_path / "store", tmp_path / "unmounted"
        yield Away(
            LocalStore(root), lambda: (root.rename(aside), root.mkdir()), lambda: (root.rmdir(), aside.rename(root))
        )
    else:
        running: S3Server = request.getfixturevalue(f"{request.param}_server")
        yield Away(open_s3(running, "bucket"), running.server.kill, running.server.start)


@pytest.mark.chaos
def test_a_store_that_is_away_is_a_passing_fault_and_then_has_everything(away: Away, tmp_path: Path):
    path = tmp_path / "clip"
    path.write_bytes(b"moving fish")
    store = away.store
    store.check(create=True)
    store.write("results/one", b"fish", media_type=OCTETS)
    away.go()
    calls: list[Callable[[], object]] = [
        lambda: store.read("results/one"),
        lambda: store.lend_path("results/one").__enter__(),
        lambda: store.stat("results/one"),
        lambda: store.write("results/two", b"fish", media_type=OCTETS),
        lambda: store.write_once("results/two", b"fish", media_type=OCTETS),
        lambda: store.write_file("results/two", path, media_type=OCTETS),
        lambda: next(store.list("results/"), None),
        lambda: store.delete("results/one"),
    ]
    for call in calls:
        with pytest.raises(TransientFault):
            call()
    away.come()
    assert store.read("results/one") == b"fish"
    store.write("results/two", b"fish", media_type=OCTETS)
    assert list_keys(store) == ["results/one", "results/two"]
