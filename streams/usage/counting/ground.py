"""The ground of counting: accesses in a database, from logs or from facts, and what the rules of a profile remove of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sinks.parquet import Column, Layout, make_table
from streams.usage.counting.robots import is_tool_pattern
from streams.usage.meter import FACTS_FOLDER
from streams.usage.reports.database import Database
from streams.usage.reports.facts import IN_MEMORY_BYTES, FactReading
from streams.usage.rows import FACTS, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.counting.access import Access
    from streams.usage.counting.profiles import Profile
    from streams.usage.counting.robots import Robots
    from streams.usage.meter import FactStore
    from streams.usage.periods import NamedPeriod

#: Accesses as rules see them. ``actor`` and ``session`` are digests of pseudonyms; ``sent`` is one of what was sent; ``judged``
#: is what a list of robots says of the program: ``robot``, ``no_robot``, ``no_list``, ``not_told``, or ``owner`` where a declared
#: owner used the installation and no program is known.
_ACCESS = """
    CREATE TABLE access (
        tie UHUGEINT, asked_at TIMESTAMP_MS, installation VARCHAR, actor UUID, session UUID, resource VARCHAR, sent UUID,
        action VARCHAR, status SMALLINT, purpose VARCHAR, traffic VARCHAR, method VARCHAR, country VARCHAR, bytes BIGINT,
        judged VARCHAR, pattern VARCHAR, list_sha256 VARCHAR, list_version VARCHAR
    )
"""

#: What the rules have removed: of each access, the place of the rule that applied first. What they have not removed yet.
_JUDGING = (
    "CREATE TABLE gone (place BIGINT, rule SMALLINT)",
    "CREATE TABLE tool_pattern (pattern VARCHAR)",
    "CREATE VIEW remaining AS SELECT rowid AS place, * FROM access ANTI JOIN gone ON access.rowid = gone.place",
)

_LOG = Layout(
    "usage-log/1",
    (
        Column("tie", "integer"),
        Column("asked_at", "time"),
        *(Column(name, "text") for name in ("installation", "user", "session", "resource", "action")),
        Column("status", "integer"),
        *(Column(name, "text") for name in ("purpose", "traffic", "method", "country")),
        Column("bytes", "integer"),
        *(Column(name, "text") for name in ("judged", "pattern", "list_sha256", "list_version")),
    ),
)

_LOAD_LOG = """
    INSERT INTO access SELECT tie, asked_at, installation, md5(user)::UUID, md5(session)::UUID, resource, NULL, action, status,
        purpose, traffic, method, country, bytes, judged, pattern, list_sha256, list_version
    FROM arriving
"""

_LOADED = (
    "event_id", "event_sha256", "use_sha256", "requested_at", "installation", "operation", "purpose", "traffic", "access",
    "act", "observer_name", "observer_version", "resource", "status", "who", "identity", "key", "country", "bytes",
    "contents", "session", "program", "robot_pattern", "robots_sha256", "robots_version",
)  # fmt: skip

_USES = """
    CREATE TABLE told (
        event_id UUID, event_sha256 UUID, use_sha256 UUID, act VARCHAR, asked_at TIMESTAMP_MS, installation VARCHAR, actor UUID,
        session UUID, resource VARCHAR, sent UUID, action VARCHAR, status SMALLINT, purpose VARCHAR, traffic VARCHAR,
        method VARCHAR, country VARCHAR, bytes BIGINT, judged VARCHAR, pattern VARCHAR, list_sha256 VARCHAR,
        list_version VARCHAR
    )
"""

#: A use as an access. COUNTER has no report for services, so this is an extension, declared here: the model or the object
#: handed out is the resource, a delivered result is a request, a submission that was taken in is an investigation. Statuses
#: are those that HTTP would have given: refused for what was sent, failed because of us, nothing to deliver to a health check.
_LOAD_USES = """
    INSERT INTO told SELECT
        event_id::UUID, substr(event_sha256, 1, 32)::UUID, substr(use_sha256, 1, 32)::UUID, act, requested_at, installation,
        md5(concat_ws(' ', who, key, identity))::UUID, substr(session, 1, 32)::UUID,
        CASE act WHEN 'processed' THEN observer_name || '/' || observer_version WHEN 'served' THEN resource
            ELSE operation END,
        CASE len(contents)
            WHEN 0 THEN NULL
            WHEN 1 THEN substr(contents[1], 1, 32)::UUID
            ELSE md5(array_to_string(list_sort(contents), ' '))::UUID
        END,
        if(act IN ('processed', 'served'), 'request', 'investigation'),
        CASE status WHEN 'refused' THEN 400 WHEN 'failure' THEN 500 WHEN 'health' THEN 204 ELSE 200 END,
        purpose, traffic, access, country, bytes,
        CASE WHEN program IS NOT NULL THEN program WHEN who = 'declared_owner' THEN 'owner' ELSE 'not_told' END,
        robot_pattern, robots_sha256, robots_version
    FROM arriving
"""

#: The records of one id are merged as reports merge them (``reports/facts.py``): of different uses the one with the smallest
#: digest, of that use the earliest. What a door says of itself is no access.
_MERGE_USES = (
    """
    INSERT INTO access SELECT event_id::UHUGEINT, asked_at, installation, actor, session, resource, sent, action, status, purpose,
        traffic, method, country, bytes, judged, pattern, list_sha256, list_version
    FROM told
    WHERE event_id NOT IN (SELECT event_id FROM twice) AND act <> 'heartbeat' AND asked_at >= $from_at AND asked_at < $to_at
    """,
    """
    INSERT INTO access SELECT event_id::UHUGEINT, asked_at, installation, actor, session, resource, sent, action, status, purpose,
        traffic, method, country, bytes, judged, pattern, list_sha256, list_version
    FROM (
        SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY use_sha256, asked_at, event_sha256) AS rank
        FROM told WHERE event_id IN (SELECT event_id FROM twice)
    )
    WHERE rank = 1 AND act <> 'heartbeat' AND asked_at >= $from_at AND asked_at < $to_at
    """,
)


@dataclass(frozen=True, slots=True)
class Ground:
    """Accesses, each once, and what a profile's rules removed of them.

    Attributes
    ----------
    database
        Tables ``access``, ``gone`` and ``tool_pattern``, view ``remaining``.
    profile
        Whose rules were applied.
    broken
        Objects that could not be read: their uses are missing.
    """

    database: Database
    profile: Profile
    broken: tuple[str, ...] = ()

    def select(self, statement: str, period: NamedPeriod) -> list[tuple[Any, ...]]:
        """Run a query in which ``{when}`` stands for being in the period."""
        return self.database.run(
            statement.replace("{when}", "asked_at >= $from_at AND asked_at < $to_at"),
            {"from_at": period.from_at.replace(tzinfo=None), "to_at": period.to_at.replace(tzinfo=None)},
        )


@contextmanager
def open_log(accesses: Sequence[Access], profile: Profile) -> Iterator[Ground]:
    """Count accesses of logs, each given once, in the order of time and ids.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    database = Database()
    try:
        database.run(_ACCESS)
        if accesses:
            database.insert(_LOAD_LOG, make_table(_LOG, _to_columns(accesses, profile.robots)))
        yield _judge(Ground(database, profile))
    finally:
        database.close()


def _to_columns(accesses: Sequence[Access], robots: Robots | None) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {column.name: [] for column in _LOG.columns}
    for number, access in enumerate(accesses):
        pattern = robots.find(access.agent) if robots is not None and access.agent is not None else None
        judged = "not_told" if access.agent is None else ("robot" if pattern is not None else "no_robot")
        row = {
            "tie": number,
            "asked_at": to_milliseconds(access.requested_at),
            "method": access.access_method,
            "judged": judged if robots is not None or access.agent is None else "no_list",
            "pattern": pattern,
            "list_sha256": robots.sha256 if robots is not None and access.agent is not None else None,
            "list_version": robots.version if robots is not None and access.agent is not None else None,
        }
        for name, values in columns.items():
            values.append(row[name] if name in row else getattr(access, name))
    return columns


@contextmanager
def open_uses(
    store: FactStore, profile: Profile, within: NamedPeriod, *, allow_missing: bool = False
) -> Iterator[Ground]:
    """Count the uses of a store by a profile, those requested in a span of time.

    Parameters
    ----------
    within
        What is looked at; it must reach beyond the periods that are counted by as much as a rule looks ahead.
    allow_missing
        Leave out objects that cannot be read, and say which.

    Raises
    ------
    RejectedInput
        ``broken_facts``, naming the object that cannot be read.
    TransientFault
        If the store is away or memory is short.
    """
    infos = [info for info in store.list(f"{FACTS_FOLDER}/") if info.key.endswith(".parquet")]
    database = Database(spills=sum(info.size_bytes for info in infos) > IN_MEMORY_BYTES)
    reading = FactReading(store, allow_missing)
    try:
        database.run(_USES)
        for table in reading.read_objects(FACTS_FOLDER, FACTS, _LOADED):
            database.insert(_LOAD_USES, table)
        database.run("CREATE TABLE twice AS SELECT event_id FROM told GROUP BY event_id HAVING count(*) > 1")
        database.run(_ACCESS)
        limits = {"from_at": within.from_at.replace(tzinfo=None), "to_at": within.to_at.replace(tzinfo=None)}
        for statement in _MERGE_USES:
            database.run(statement, limits)
        database.run("DROP TABLE told")
        yield replace(_judge(Ground(database, profile)), broken=tuple(sorted(reading.broken)))
    finally:
        database.close()


def _judge(ground: Ground) -> Ground:
    """Apply the rules, each to what those before it left."""
    database = ground.database
    for statement in _JUDGING:
        database.run(statement)
    for (pattern,) in database.run("SELECT DISTINCT pattern FROM access WHERE pattern IS NOT NULL"):
        if is_tool_pattern(pattern):
            database.run("INSERT INTO tool_pattern VALUES ($pattern)", {"pattern": pattern})
    for place, rule in enumerate(ground.profile.rules):
        database.run(f"INSERT INTO gone SELECT place, {place} FROM ({rule.query})")  # noqa: S608 - of a rule, and a number
    return ground
