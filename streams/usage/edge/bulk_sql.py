"""The statements by which a file of uses becomes facts, all lines at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.noun import LAST_YEAR
from streams.usage.edge.shapes import (
    BYTES,
    CONTENTS,
    CPU,
    EVENT_ID,
    GPU,
    IMAGES,
    PROGRAM,
    REQUEST,
    REQUESTED_AT,
    SHAPE_FIELDS,
    UNITS,
)
from streams.usage.edge.traces import ADDRESS, COMPLAINT, IDENTITIES, LEAST_LETTERS, MAIL
from streams.usage.rows import FACTS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What each line has of its own.
ROW_FIELDS = ("id", "at", "bytes", "units", "images", "content", "cpu_ms", "gpu_ms")

#: Not told by a line, but found out about it.
_FOUND = ("era", "has_images", "has_cpu", "has_gpu")

FIELDS = (*ROW_FIELDS, *(name for name in SHAPE_FIELDS if name not in _FOUND))

_NAMES = ", ".join(f"'{name}'" for name in FIELDS)
_TOLD_NAMES = ", ".join(FIELDS)
_STRUCTURE = "{" + ", ".join(f'"{name}": "VARCHAR"' for name in FIELDS) + "}"

#: Numbered in one thread, since lines have an order; taken apart in as many as there are.
READ_JSON = """
    CREATE TABLE line AS SELECT row_number() OVER () AS n, text FROM read_csv(
        $path, columns = {'text': 'VARCHAR'}, delim = chr(1), quote = '', escape = '', header = false, auto_detect = false,
        max_line_size = $longest
    )
"""

TAKE_JSON = f"""
    CREATE TABLE given AS
    SELECT n, sound, unnest(json_transform(if(sound, text, '{{}}'), '{_STRUCTURE}')),
        -- which of its fields, not what it is called: that may be a name
        if(sound, list_position(list_transform(json_keys(text), lambda name: name IN ({_NAMES})), false), NULL) AS unknown
    FROM (SELECT *, coalesce(TRY(json_type(text)) = 'OBJECT', false) AS sound FROM line WHERE text IS NOT NULL)
"""  # noqa: S608 - put together from constants

READ_CSV = """
    CREATE TABLE sheet AS SELECT * FROM read_csv(
        $path, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', max_line_size = $longest,
        auto_detect = true, sample_size = 1, allow_quoted_nulls = true
    )
"""


def make_given_sql(columns: Sequence[str]) -> str:
    """Return the statement that makes ``given`` of a table with commas; a column that is absent is empty."""
    told = (
        f'nullif(trim("{name}"), \'\') AS "{name}"' if name in columns else f'NULL::VARCHAR AS "{name}"'
        for name in FIELDS
    )
    return f"""
        CREATE TABLE given AS
        SELECT row_number() OVER () + 1 AS n, true AS sound, {", ".join(told)}, NULL::VARCHAR AS unknown FROM sheet
    """  # noqa: S608 - put together from constants


_COUNTS = ("bytes", "units", "images", "cpu_ms", "gpu_ms")
_SHAPE_TEXTS = ", ".join(
    {
        "era": "{era}",
        "has_images": "if(images IS NULL OR images = 0, '', '1')",
        "has_cpu": "if(cpu_ms IS NULL, '', '1')",
        "has_gpu": "if(gpu_ms IS NULL, '', '1')",
    }.get(name, f"coalesce({name}, '')")
    for name in SHAPE_FIELDS
)

#: An id is kept as it is; as :func:`streams.usage.edge.traces.find_telling` for the fields that many lines share.
_IS_TELLING = f"regexp_matches(lower(id), '{MAIL}|{ADDRESS}')" + "".join(
    f" OR (length({name}) >= {LEAST_LETTERS} AND contains(lower(id), lower({name})))"
    for name in IDENTITIES
    if name in SHAPE_FIELDS
)

ROWS_SQL = f"""
    CREATE TABLE row AS
    WITH typed AS NOT MATERIALIZED (
        SELECT * REPLACE (
            {", ".join(f"try_cast({name} AS BIGINT) AS {name}" for name in _COUNTS)},
            string_split(trim(regexp_replace(lower(coalesce(content, '')), '[][",[:space:]]+', ' ', 'g')), ' ') AS content
        ), CASE
            WHEN NOT sound THEN 'it is no JSON object'
            WHEN unknown IS NOT NULL THEN 'its field number ' || unknown || ' is none of {_TOLD_NAMES}'
            WHEN NOT regexp_full_match(coalesce(id, 'x'), '[!#-\\[\\]-~]{{1,300}}')
                THEN 'id: up to 300 letters, digits and signs are expected, no space, quote or backslash'
            WHEN {_IS_TELLING} THEN 'id: {COMPLAINT}'
            WHEN "at" IS NULL THEN 'at: it is missing'
            {
    " ".join(
        f"WHEN NOT regexp_full_match(coalesce({name}, '0'), '[0-9]{{1,16}}') "
        f"THEN '{name}: a whole number from 0 is expected'"
        for name in _COUNTS
    )
}
            WHEN NOT regexp_matches("at", '([Zz]|[+-][0-9]{{2}}:?[0-9]{{2}})$') THEN 'at: the time has no zone'
        END AS complaint,
        epoch_us(if(length("at") <= 40, try_cast("at" AS TIMESTAMPTZ), NULL)) // 1000 AS at_ms
        FROM given
    )
    SELECT n, at_ms, id AS own_id, bytes AS own_bytes, coalesce(units, 1) AS own_units, coalesce(images, 0) AS own_images,
        cpu_ms AS own_cpu_ms, gpu_ms AS own_gpu_ms, if(content = [''], [], content) AS own_content,
        coalesce(complaint, CASE
            WHEN at_ms IS NULL OR year(make_timestamp(at_ms * 1000)) > {LAST_YEAR} THEN 'at: it is no time'
            WHEN len(content) > 500 THEN 'content: more than 500 digests'
            WHEN content <> [''] AND len(list_filter(content, lambda one: NOT regexp_full_match(one, '[0-9a-f]{{64}}'))) > 0
                THEN 'content: a digest is 64 hexadecimal digits (SHA-256)'
        END) AS complaint,
        concat_ws(chr(31), {_SHAPE_TEXTS}) AS shape
    FROM typed
"""  # noqa: S608

SHAPES_SQL = "SELECT shape, min(at_ms) FROM row GROUP BY shape ORDER BY shape"


#: What each line has of its own, in the order of its places in canonical JSON: a template is cut there into pieces.
CUTS = (REQUEST, BYTES, CONTENTS, CPU, EVENT_ID, GPU, IMAGES, PROGRAM, REQUESTED_AT, UNITS)

PIECES = tuple(f"piece_{place}" for place in range(len(CUTS) + 1))


def cut_canonical(canonical: str) -> dict[str, str | None]:
    """Return the pieces of a template; before a mark that it does not have there is none."""
    pieces: dict[str, str | None] = {}
    for name, mark in zip(PIECES, CUTS, strict=False):
        piece, found, rest = canonical.partition(mark)
        pieces[name] = piece if found else None
        canonical = rest if found else canonical
    return pieces | {PIECES[-1]: canonical}


def _write(values: dict[str, str]) -> str:
    """Return the expression of a template's text with these values in the places of marks."""
    filled = (f"{name}, if({name} IS NULL, '', {values[mark]})" for name, mark in zip(PIECES, CUTS, strict=False))
    return f"concat({', '.join(filled)}, {PIECES[-1]})"


_TIME = """concat('"requested_at":"', strftime(make_timestamp(at_ms * 1000), '%Y-%m-%dT%H:%M:%S.%gZ'), '",')"""

_TOLD = {
    REQUEST: "request",
    BYTES: "coalesce(own_bytes, 0)::VARCHAR",
    CONTENTS: "if(len(own_content) = 0, '', '\"' || array_to_string(own_content, '\",\"') || '\"')",
    CPU: "if(own_cpu_ms IS NULL, '', '\"cpu_ms\":' || own_cpu_ms || ',')",
    EVENT_ID: "made_id",
    GPU: "if(own_gpu_ms IS NULL, '', '\"gpu_ms\":' || own_gpu_ms || ',')",
    IMAGES: "concat('\"', image_kind, '\":', own_images)",
    PROGRAM: "program_text",
    REQUESTED_AT: "time_text",
    UNITS: "concat('\"', unit_kind, '\":', own_units)",
}
_NOT_TOLD = "''"

#: What may differ between two records of one use (:func:`streams.usage.rows.to_use_bytes`).
_BESIDE = dict.fromkeys((REQUESTED_AT, CPU, GPU, PROGRAM), _NOT_TOLD)

_PLACED = {
    "partition": "0::BIGINT",
    "offset": "n",
    "appended_at": "make_timestamp_ms($now)::TIMESTAMP_MS",
    "value_sha256": "NULL::VARCHAR",
    "event_sha256": _write(_TOLD),
    "use_sha256": _write(_TOLD | _BESIDE),
    "event_id": "made_id",
    "requested_at": "make_timestamp_ms(at_ms)::TIMESTAMP_MS",
    "processing_id": "if(act = 'processed', request, NULL)",
    "units": "if(act = 'heartbeat', MAP([]::VARCHAR[], []::BIGINT[]), MAP([unit_kind], [own_units]))",
    "images": "if(own_images > 0, MAP([image_kind], [own_images]), MAP([]::VARCHAR[], []::BIGINT[]))",
    "bytes": "coalesce(own_bytes, 0)",
    "contents": "own_content",
    "cpu_ms": "own_cpu_ms",
    "gpu_ms": "own_gpu_ms",
}

#: The same content without an id is the same use: its id follows from everything that it says, whichever list was asked.
_ID = _TOLD | {PROGRAM: _NOT_TOLD, REQUEST: f"chr({ord(REQUEST)})", EVENT_ID: f"chr({ord(EVENT_ID)})"}

#: Texts in the place of two digests, which Python makes of them in a third of the time that the database takes.
TEXTS = ("event_sha256", "use_sha256")

#: Lines in parts of about so many bytes of text: a use takes some 1,000, and 67 for each digest of a content.
PARTS_SQL = """
    SELECT min(n), max(n) FROM (
        SELECT n, sum(1000 + 67 * len(own_content)) OVER (ORDER BY n) // $most AS part FROM row
    ) GROUP BY part ORDER BY 1
"""

#: Facts, in any order.
FACT_SQL = f"""
    WITH told AS NOT MATERIALIZED (
        SELECT *, {_TIME} AS time_text FROM row JOIN template USING (shape) WHERE n BETWEEN $first AND $last
    ), asked AS NOT MATERIALIZED (
        SELECT *, coalesce(own_id, sha256({_write(_ID)})) AS request FROM told
    ), made AS NOT MATERIALIZED (
        SELECT *, left(sha256(replace(identity_text, chr({ord(REQUEST)}), request)), 32) AS made_id FROM asked
    )
    SELECT {", ".join(f'{_PLACED.get(column.name, column.name)} AS "{column.name}"' for column in FACTS.columns)}
    FROM made
"""  # noqa: S608
