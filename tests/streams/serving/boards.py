"""Boards over a broker in memory: what was counted from uses, published as a worker does."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field

from schemas.topics import Topics
from streams.brokers.memory_client import MemoryClient
from streams.brokers.records import Record
from streams.serving.api import Offer, make_api
from streams.serving.board import Board
from streams.usage.periods import NamedPeriod, read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import make_current_values, to_metric_key, to_metric_values
from streams.usage.reports.report import Report, make_report
from streams.usage.reports.scope import Scope
from tests.streams.usage.uses import NOW, keep

TOPIC = Topics().metric_period
LATER = NOW + dt.timedelta(hours=1)


def make_broker() -> MemoryClient:
    client = MemoryClient()
    client.create(Topics().plan(["obsea"], partitions=3))
    return client


def publish(client: MemoryClient, values) -> None:
    client.append([Record(TOPIC, to_metric_key(value), value.to_canonical()) for value in values])


def count(*logs, now_at: dt.datetime = LATER, periods: tuple[NamedPeriod, ...] = ()):
    """Return the current figures of some logs of uses."""
    with open_facts(keep(*logs)) as facts:
        return make_current_values(facts, now_at, periods=periods)


def report_on(*logs, periods: tuple[str, ...], now_at: dt.datetime = LATER) -> Report:
    with open_facts(keep(*logs)) as facts:
        return make_report(facts, tuple(map(read_period, periods)), Scope(as_of_at=now_at))


def count_periods(*logs, periods: tuple[str, ...], now_at: dt.datetime = LATER):
    return to_metric_values(report_on(*logs, periods=periods, now_at=now_at))


def make_board(client: MemoryClient | None, **options) -> Board:
    return Board(find_client=lambda: client, topic=TOPIC, every_s=0.0, **options)


def publish_board(*logs, **options) -> Board:
    """Return a board over the published figures of some logs."""
    client = make_broker()
    publish(client, count(*logs))
    return make_board(client, **options)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Site:
    """The application as who asks sees it, without a socket."""

    board: Board
    _api: object = field(default=None)

    def __post_init__(self) -> None:
        self._api = make_api(Offer(self.board.look))

    def get(self, address: str, *, method: str = "GET", **headers: str) -> Answer:
        path, _, query = address.partition("?")
        return asyncio.run(self._ask(method, path, query, headers))

    async def _ask(self, method: str, path: str, query: str, headers: dict[str, str]) -> Answer:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"here"), *((n.replace("_", "-").encode(), v.encode()) for n, v in headers.items())],
            "client": ("192.0.2.7", 50_000),
            "server": ("here", 80),
            "root_path": "",
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        await self._api(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return Answer(
            start["status"], {name.decode().lower(): value.decode() for name, value in start["headers"]}, body
        )
