"""A Faust app that a test starts as a process of its own and watches: it says what it does, one JSON object a line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

BEGAN_AT = time.time()

import faust  # noqa: E402
from yarl import URL  # noqa: E402

from schemas.errors import TransientFault  # noqa: E402
from streams.brokers.registration import register_transports  # noqa: E402


def say(**fields):
    os.write(1, json.dumps(fields, default=repr).encode() + b"\n")


def make_app(plan):
    register_transports()
    if "upkeep_s" in plan:
        from streams.embedded import consumer

        consumer._UPKEEP_S = plan["upkeep_s"]
    settings = {
        "store": "memory://",
        "topic_partitions": 1,
        "topic_disable_leader": True,
        "broker_commit_interval": 0.2,
        "broker_session_timeout": 6,
        "broker_max_poll_records": 64,
        "web_enabled": False,
        "datadir": plan["folder"],
        "TableManager": "streams.brokers.tables:PromptTables",
        **plan.get("settings", {}),
    }
    app = faust.App(plan.get("app", "pier"), broker=[URL(plan["url"])], **settings)

    @app.on_rebalance_complete.connect
    async def tell_ready(app, **_):
        say(ready_s=time.time() - BEGAN_AT)

    return app


def make_topic(app, name):
    return app.topic(name, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")


def echo(app, plan):
    """Say what comes, and acknowledge it by going on."""

    @app.agent(make_topic(app, plan["topic"]))
    async def watch(stream):
        async for event in stream.events():
            message = event.message
            headers = [(name, None if value is None else value.hex()) for name, value in message.headers]
            say(
                seen=event.value.decode(),
                partition=message.partition,
                offset=message.offset,
                at=time.time(),
                appended_at=message.timestamp,
                headers=headers,
                event_headers=sorted(event.headers),
            )


def forward(app, plan):
    """Send each record on, and acknowledge it when that is durable."""
    target = make_topic(app, plan["target"])

    @app.agent(make_topic(app, plan["topic"]))
    async def pass_on(stream):
        async for event in stream.noack().events():
            await (await target.send(key=event.key, value=event.value, headers=event.message.headers))
            event.ack()
            say(sent=event.value.decode())


def count(app, plan):
    """Count by key in a table, after a hop through a topic of its own."""
    middle = make_topic(app, plan["target"])
    table = app.Table("counts", default=int)

    @app.agent(make_topic(app, plan["topic"]))
    async def route(stream):
        async for event in stream.events():
            await (await middle.send(key=event.key, value=event.value))

    @app.agent(middle)
    async def tally(stream):
        async for event in stream.events():
            table[event.key.decode()] += 1
            say(counts=dict(table))

    @app.on_rebalance_complete.connect
    async def tell_table(app, **_):
        say(recovered=dict(table))


def out_of_order(app, plan):
    """Finish everything but one record, commit, and say what was committed."""

    @app.agent(make_topic(app, plan["topic"]))
    async def work(stream):
        waiting = []
        async for event in stream.noack().events():
            waiting.append(event)
            if len(waiting) == plan["count"]:
                for one in reversed(waiting):
                    if one.message.offset != plan["slow"]:
                        one.ack()
                await app.consumer.commit()
                await app.consumer.commit()  # Faust's own rule passes the record only once it has committed up to it
                say(finished_all_but=plan["slow"])


def fail_once(app, plan):
    """Let one record be followed by an exception, without an acknowledgement."""

    @app.agent(make_topic(app, plan["topic"]))
    async def work(stream):
        async for event in stream.noack().events():
            if event.message.offset == plan["slow"]:
                say(failing=event.message.offset)
                raise ValueError
            event.ack()
            await app.consumer.commit()
            say(done=event.message.offset)


def fill(app, plan):
    """Send until the disk is full, make room, and send again."""
    target = make_topic(app, plan["topic"])

    @app.task
    async def send_on():
        producer = app.producer
        database = producer._log._writer
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count={pages + 200}")
        acknowledged, fault = [], None
        for number in range(1000):
            try:
                sent = await (await target.send(key=b"k", value=b"%d " % number * 4000))
            except TransientFault as caught:
                fault = caught.sentence
                break
            acknowledged.append(sent.offset)
        database.execute("PRAGMA max_page_count=1000000000")
        sent = await (await target.send(key=b"k", value=b"room again"))
        say(acknowledged=acknowledged, fault=fault, offset_after=sent.offset)


def tally_quickly(app, plan):
    """Count what comes and say so only at the end."""

    @app.agent(make_topic(app, plan["topic"]))
    async def work(stream):
        seen = 0
        async for event in stream.noack().events():
            await asyncio.sleep(plan.get("work_s", 0))
            event.ack()
            seen += 1
            if seen == plan["count"]:
                say(finished_at=time.time())


MODES = {mode.__name__: mode for mode in (echo, forward, count, out_of_order, fail_once, fill, tally_quickly)}


if __name__ == "__main__":
    PLAN = json.loads(sys.argv[1])
    APP = make_app(PLAN)
    MODES[PLAN["mode"]](APP, PLAN)
    sys.argv = ["observed", "worker", "-l", PLAN.get("level", "warn"), "--without-web"]
    APP.main()
