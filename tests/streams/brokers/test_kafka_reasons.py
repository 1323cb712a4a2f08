"""What is said of brokers that let nobody in, by servers that do no more than that."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from schemas.errors import TransientFault
from streams.brokers.credentials import Credentials
from streams.brokers.kafka.client import KafkaClient
from streams.brokers.kafka.reasons import find_reason
from streams.brokers.kafka.words import to_settings
from tests.services.servers import find_free_port


@contextlib.asynccontextmanager
async def open_server(behave):
    """Serve connections as ``behave`` does; give ``host:port``."""
    at_work = set()

    async def serve(reader, writer):
        at_work.add(asyncio.current_task())
        with contextlib.suppress(asyncio.CancelledError):
            await behave(reader)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield "{}:{}".format(*server.sockets[0].getsockname())
        for task in at_work:
            task.cancel()


async def hang_up(reader):
    await reader.read(4)


async def say_nothing(reader):
    await reader.read(4)
    await asyncio.sleep(60)


def ask(*servers, tls=False):
    return find_reason(to_settings(servers, Credentials(tls=tls), request_s=0.5))


async def test_of_a_broker_that_hangs_up_it_is_said_that_it_may_demand_tls():
    async with open_server(hang_up) as address:
        assert "may demand TLS" in str(await ask(address))
        assert "may speak none" in str(await ask(address, tls=True)), "it is spoken already"


async def test_of_a_broker_that_is_slow_nothing_more_is_said():
    async with open_server(say_nothing) as address:
        assert await ask(address) is None


async def test_what_a_broker_says_is_told_before_another_that_is_not_there():
    nobody, nowhere = f"127.0.0.1:{find_free_port()}", "broker.invalid:9092"
    async with open_server(hang_up) as address:
        for servers in ((nobody, address), (address, nobody), (nowhere, address)):
            assert "may demand TLS" in str(await ask(*servers))
    assert isinstance(await ask(nobody), ConnectionRefusedError)


def test_where_nobody_listens_the_fault_names_the_address():
    address = f"127.0.0.1:{find_free_port()}"
    began = time.monotonic()
    with contextlib.closing(KafkaClient([address])) as client, pytest.raises(TransientFault) as caught:
        client.describe()
    assert "Connect call failed" in caught.value.sentence
    assert address.rpartition(":")[2] in caught.value.sentence
    assert time.monotonic() - began < 30
