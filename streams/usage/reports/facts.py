"""Facts read back: every use once, whatever log, partition or repetition it came by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from sinks.parquet import read_table
from streams.usage.meter import FACTS_FOLDER, REJECTED_FOLDER
from streams.usage.refused.rejected import RETRIED_FOLDER, leave_out_retried, read_retried
from streams.usage.reports.database import Database
from streams.usage.rows import FACTS, REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sinks.object_store.store import ObjectInfo
    from sinks.parquet import Layout, Table
    from streams.usage.meter import FactStore
    from streams.usage.reports.standing import Standing

#: Objects read at once: enough to keep the database from starting anew for each, few enough to bound memory.
_OBJECTS_AT_ONCE, _BYTES_AT_ONCE = 10, 8 * 2**20

#: Facts of more bytes are counted in a file, since they take some ten times that when they are counted.
IN_MEMORY_BYTES = 32 * 2**20

#: What counts: a person or an owner used the installation. Tests, canaries, staff and robots are shown, not counted.
COUNTED = "purpose = 'user' AND traffic NOT IN ('robot', 'test')"

#: Digests are held as 128 bits, which tells apart all the uses there will ever be and takes a quarter of the room.
_EVENT_COLUMNS = """
    event_id UUID, event_sha256 UUID, use_sha256 UUID, requested_at TIMESTAMP_MS, installation VARCHAR,
    purpose VARCHAR, traffic VARCHAR, act VARCHAR, status VARCHAR, reason VARCHAR, demonstration BOOLEAN,
    who VARCHAR, identity VARCHAR, key VARCHAR, institution VARCHAR, tier TINYINT, country VARCHAR, country_source VARCHAR,
    units MAP(VARCHAR, BIGINT), images MAP(VARCHAR, BIGINT), content UUID, contents VARCHAR[], counted BOOLEAN,
    door VARCHAR, since_at TIMESTAMP_MS, last BOOLEAN
"""

_ROWS = f"""
    SELECT
        event_id::UUID, substr(event_sha256, 1, 32)::UUID, substr(use_sha256, 1, 32)::UUID, requested_at, installation,
        purpose, traffic, act, status, reason, coalesce(demonstration, false),
        who, identity, key, institution, tier, country, country_source, units, images,
        CASE len(contents)
            WHEN 0 THEN event_id::UUID
            WHEN 1 THEN substr(contents[1], 1, 32)::UUID
            ELSE md5(array_to_string(list_sort(contents), ' '))::UUID
        END,
        CASE WHEN len(contents) > 1 THEN contents END, {COUNTED},
        CASE WHEN act = 'heartbeat' THEN door END, since_at, last
    FROM arriving
"""  # noqa: S608 - put together from constants

_LOAD = f"INSERT INTO event {_ROWS}"

_LOADED = (
    "event_id", "event_sha256", "use_sha256", "requested_at", "installation", "purpose", "traffic", "act", "status",
    "reason", "demonstration", "who", "identity", "key", "institution", "tier", "country", "country_source",
    "units", "images", "contents", "door", "since_at", "last",
)  # fmt: skip

#: One use may stand in several records. Where they differ in no more than a record may (the time of the request, what it
#: took, the list of robots), they are one use, of the earliest time. Where they differ in more, that is a conflict, and the use
#: with the smallest digest is kept, of its earliest time: arrival decides nothing, and a use told again stays in its period.
_MERGE = (
    """
    CREATE TABLE twice AS
        SELECT event_id, count(DISTINCT use_sha256) AS uses FROM event GROUP BY event_id HAVING count(*) > 1
    """,
    """
    DELETE FROM event WHERE rowid IN (
        SELECT place FROM (
            SELECT event.rowid AS place, row_number() OVER (
                PARTITION BY event_id ORDER BY use_sha256, requested_at, event_sha256
            ) AS rank
            FROM event JOIN twice USING (event_id)
        ) WHERE rank > 1
    )
    """,
)

_TO_COUNT = "counted AND act IN ('processed', 'ingested')"

#: The sorts of things there are to count, numbered, so that millions of rows need not spell them.
_SORTS = f"""
    CREATE TABLE sort AS
    SELECT row_number() OVER ()::SMALLINT AS sort, * FROM (
        SELECT installation, act, 'image' AS what, unnest(map_keys(images)) AS kind FROM event WHERE {_TO_COUNT}
        UNION
        SELECT installation, act, 'unit', unnest(map_keys(units)) FROM event WHERE {_TO_COUNT}
    )
"""  # noqa: S608 - put together from constants

#: How many units and images of each kind a use was about, content by content. Several contents beside as many images of
#: one kind are one image each; otherwise several contents are one bundle.
_COUNT = f"""
    CREATE TABLE item AS
    WITH tally AS (
        SELECT event_id, requested_at, installation, act, demonstration, content, contents, 'image' AS what,
            cardinality(images) AS kinds, unnest(map_entries(images)) AS entry
        FROM event WHERE {_TO_COUNT}
        UNION ALL
        SELECT event_id, requested_at, installation, act, demonstration, content, contents, 'unit',
            cardinality(units), unnest(map_entries(units))
        FROM event WHERE {_TO_COUNT}
    ), spread AS (
        SELECT sort, event_id, requested_at, demonstration, content, contents, entry.value AS n,
            coalesce(kinds = 1 AND entry.value = len(contents), false) AS one_each
        FROM tally JOIN sort
            ON (tally.installation, tally.act, tally.what, entry.key) = (sort.installation, sort.act, sort.what, sort.kind)
    )
    SELECT sort, event_id, requested_at, demonstration, content, n FROM spread WHERE NOT one_each
    UNION ALL
    SELECT sort, event_id, requested_at, demonstration, substr(unnest(contents), 1, 32)::UUID, 1
    FROM spread WHERE one_each
"""  # noqa: S608

#: An image counts once per installation, at its first durable result. A later use of the same content counts only the
#: images by which it exceeds all earlier ones; those of another, smaller or overlapping choice are ``unsure``: they may
#: have been looked at before or not. Most contents come once, and need not be held against others.
_FIRST = """
    CREATE TABLE counted AS
    WITH again AS MATERIALIZED (SELECT sort, content FROM item GROUP BY sort, content HAVING count(*) > 1)
    SELECT sort, requested_at, demonstration, n, n AS fresh, 0::BIGINT AS unsure
    FROM item ANTI JOIN again USING (sort, content)
    UNION ALL
    SELECT sort, requested_at, demonstration, n,
        greatest(0, n - coalesce(most, 0)) AS fresh,
        CASE WHEN most IS NULL OR seen > 1 THEN 0 ELSE least(n, most) END AS unsure
    FROM (
        SELECT sort, requested_at, demonstration, n,
            max(n) OVER (
                PARTITION BY sort, content ORDER BY requested_at, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS most,
            -- with its peers: a picture that stands twice in one archive was seen there, in whichever order its rows come
            count(*) OVER (PARTITION BY sort, content, n ORDER BY requested_at, event_id) AS seen
        FROM item SEMI JOIN again USING (sort, content)
    )
"""


#: When each door was there: heartbeats that follow one another, or overlap, are one stretch.
_BEATS = """
    CREATE TABLE beat AS
    SELECT installation, door, min(since_at) AS since_at, max(requested_at) AS until_at,
        -- of two who keep one door, the one that was there longer knows whether it was closed
        coalesce(arg_max(last, (requested_at, last)), false) AS last
    FROM (
        SELECT *, sum(if(before IS NULL OR since_at > before, 1, 0)) OVER (
            PARTITION BY installation, door ORDER BY since_at, requested_at, event_id
        ) AS stretch
        FROM (
            SELECT *, max(requested_at) OVER (
                PARTITION BY installation, door ORDER BY since_at, requested_at, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before
            FROM event WHERE act = 'heartbeat'
        )
    ) GROUP BY installation, door, stretch
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """All uses, merged and counted, in a database in memory.

    Attributes
    ----------
    database
        Tables ``event`` (each use once), ``counted`` (what each was about, and how much of it for the first time), ``sort``
        (the sorts of things that ``counted`` numbers) and ``beat`` (when each door was there).
    conflicts
        Ids under which different uses were recorded, sorted; the one with the smallest digest was kept of each.
    rejected
        How many different records were no use, by reason.
    broken
        Objects that could not be read and were left out, sorted: figures miss their uses.
    """

    database: Database
    conflicts: tuple[str, ...]
    rejected: tuple[tuple[str, int], ...]
    broken: tuple[str, ...] = ()


@contextmanager
def open_facts(store: FactStore, *, allow_missing: bool = False, standing: Standing | None = None) -> Iterator[Facts]:
    """Read all facts of a store, for the time of the block.

    Parameters
    ----------
    allow_missing
        Leave out objects that cannot be read, and say which; a report then says so too.
    standing
        Where facts stand that were read before: for who opens the same facts again and again. They are the same facts.

    Raises
    ------
    RejectedInput
        ``broken_facts``, naming the object that cannot be read.
    TransientFault
        If the store is away or memory is short.
    """
    reading = FactReading(store, allow_missing)
    infos = reading.list_objects(FACTS_FOLDER)
    database = Database(spills=sum(info.size_bytes for info in infos) > IN_MEMORY_BYTES)
    try:
        rejected = _load_rejected(reading, database)
        database.run(f"CREATE TABLE event ({_EVENT_COLUMNS})")
        if standing is not None:
            infos = standing.fill(
                database,
                infos,
                columns=_EVENT_COLUMNS,
                load=_ROWS,
                read=lambda info: reading.read(info, FACTS, _LOADED),
            )
        for table in reading.read_listed(infos, FACTS, _LOADED):
            database.insert(_LOAD, table)
        for statement in (*_MERGE, _BEATS, _SORTS, _COUNT, _FIRST, "DROP TABLE item"):
            database.run(statement)
        conflicts = database.run("SELECT replace(event_id::VARCHAR, '-', '') FROM twice WHERE uses > 1 ORDER BY 1")
        yield Facts(database, tuple(row[0] for row in conflicts), rejected, tuple(sorted(reading.broken)))
    finally:
        database.close()


def _load_rejected(reading: FactReading, database: Database) -> tuple[tuple[str, int], ...]:
    database.run("CREATE TABLE rejected (reason VARCHAR, value_sha256 VARCHAR)")
    retried = reading.read_retried()
    for info in reading.list_objects(REJECTED_FOLDER):
        for table in reading.read_listed([info], REJECTED, ("offset", "reason", "value_sha256")):
            left = leave_out_retried(table, info.key, retried)
            database.insert("INSERT INTO rejected SELECT reason, value_sha256 FROM arriving", left)
    statement = "SELECT reason, count(DISTINCT value_sha256) FROM rejected GROUP BY reason ORDER BY reason"
    return tuple((reason, count) for reason, count in database.run(statement))


@dataclass(frozen=True, slots=True)
class FactReading:
    """Objects of facts, read some at a time.

    Attributes
    ----------
    allow_missing
        Leave out what cannot be read.
    broken
        What was left out.
    """

    store: FactStore
    allow_missing: bool
    broken: list[str] = field(default_factory=list)

    def read(self, info: ObjectInfo, layout: Layout, names: tuple[str, ...]) -> Table:
        """Return the wanted columns of an object.

        Raises
        ------
        RejectedInput
            ``broken_facts``, if it cannot be read.
        """
        try:
            return read_table(self.store.read(info.key), layout, names)
        except RejectedInput as fault:
            reason = "broken_facts"
            raise RejectedInput(reason, f"The usage facts in {info.key} cannot be read: {fault.sentence}") from fault

    def read_retried(self) -> Mapping[str, frozenset[int]]:
        """Return which records became facts by another try; none where nobody can tell and that is allowed."""
        try:
            return read_retried(self.store)
        except RejectedInput:
            if not self.allow_missing:
                raise
            self.broken.append(RETRIED_FOLDER)
            return {}

    def list_objects(self, folder: str) -> list[ObjectInfo]:
        """Return the objects of a folder that hold rows."""
        return [info for info in self.store.list(f"{folder}/") if info.key.endswith(".parquet")]

    def read_objects(self, folder: str, layout: Layout, names: tuple[str, ...]) -> Iterator[Table]:
        """Yield the wanted columns of all objects of a folder, several objects at a time."""
        yield from self.read_listed(self.list_objects(folder), layout, names)

    def read_listed(self, infos: Iterable[ObjectInfo], layout: Layout, names: tuple[str, ...]) -> Iterator[Table]:
        """Yield the wanted columns of some objects, several objects at a time."""

        def read(info: ObjectInfo) -> Table | None:
            try:
                return self.read(info, layout, names)
            except RejectedInput:
                if self.allow_missing:
                    self.broken.append(info.key)
                    return None
                raise

        with ThreadPoolExecutor(2, thread_name_prefix="facts") as threads:
            for group in _gather(infos):
                found = [table for table in threads.map(read, group) if table is not None]
                if len(found) == 1:
                    yield found.pop()
                elif found:
                    yield found[0].joined(*found[1:])


def _gather(infos: Iterable[ObjectInfo]) -> Iterator[tuple[ObjectInfo, ...]]:
    """Yield objects to be read together: several small ones, or a large one alone."""
    group: list[ObjectInfo] = []
    size_bytes = 0
    for info in infos:
        if group and (len(group) == _OBJECTS_AT_ONCE or size_bytes + info.size_bytes > _BYTES_AT_ONCE):
            yield tuple(group)
            group, size_bytes = [], 0
        group.append(info)
        size_bytes += info.size_bytes
    if group:
        yield tuple(group)
