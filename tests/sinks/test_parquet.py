from __future__ import annotations

import errno
import io
import random

import pyarrow as pa
import pytest

from schemas.errors import FatalFault, ObservatoryError, RejectedInput, TransientFault
from sinks.parquet import (
    _TYPES,
    Column,
    Layout,
    make_table,
    open_writer,
    read_groups,
    read_table,
    translated,
    write_table,
)

_ROWS = {
    "text": ["Lluç", None],
    "integer": [2**53 - 1, -1],
    "number": [0.1, None],
    "flag": [True, False],
    "time": [1_763_632_800_303, None],
    "texts": [["a", "b"], []],
    "integers": [[1, 12_800], None],
    "numbers": [[0.1, 2.0], []],
    "points": [[[0.0, 1.5], [2.0, 3.0]], None],
    "polygons": [[[[[0.0, 1.5], [2.0, 3.0]]], [[[9.0, 9.0]], [[8.0, 8.0]]]], None],
    "tally": [[("roi", 5), ("tile", 0)], []],
    "measures": [[("area_px", 1.5)], []],
    "scored": [[{"label": "Diver", "score": 0.25}], []],
}
_LAYOUT = Layout("example/1", tuple(Column(kind, kind) for kind in _TYPES))


def test_every_kind_of_column_comes_back_as_it_was_written():
    assert set(_ROWS) == set(_TYPES)
    read = read_table(write_table(make_table(_LAYOUT, _ROWS)), _LAYOUT)
    assert read.to_columns() == _ROWS
    assert read.to_columns(["tally", "unknown"]) == {"tally": _ROWS["tally"]}
    assert read.read_ends("integer") == (2**53 - 1, -1)


def test_the_same_rows_give_the_same_bytes():
    table = make_table(_LAYOUT, _ROWS)
    again = table.picked([1]).joined(table.picked([0])).picked([1, 0])
    assert again.equals(table)
    assert write_table(again) == write_table(table)


def test_a_dictionary_is_kept_for_what_repeats_and_not_for_what_does_not():
    layout = Layout("example/1", (*(Column(kind, kind) for kind in _TYPES), Column("own", "text", repeats=False)))
    data = write_table(make_table(layout, {**_ROWS, "own": ["a", "b"]}))
    group = pa.parquet.ParquetFile(pa.BufferReader(data)).metadata.row_group(0)
    with_dictionary = {
        group.column(place).path_in_schema.split(".")[0]
        for place in range(group.num_columns)
        if group.column(place).has_dictionary_page
    }
    assert with_dictionary == set(_TYPES) - {"flag"}


def test_row_groups_are_read_one_at_a_time_in_order():
    layout = Layout("example/1", (Column("place", "integer"),))
    target = io.BytesIO()
    with open_writer(layout, target) as writer:
        writer.write({"place": [0, 1]})
        writer.write({"place": [2]})
    assert [group["place"] for group in read_groups(target.getvalue(), layout)] == [[0, 1], [2]]


def test_a_column_that_an_older_writer_did_not_know_is_absent_and_one_of_a_newer_writer_is_left_out():
    old = Layout("example/1", (Column("a", "text"),))
    new = Layout("example/1", (Column("a", "text"), Column("b", "tally")))
    of_old = write_table(make_table(old, {"a": ["x"]}))
    of_new = write_table(make_table(new, {"a": ["x"], "b": [[("still", 1)]]}))
    assert read_table(of_old, new).to_columns() == {"a": ["x"], "b": [None]}
    assert read_table(of_new, old).to_columns() == {"a": ["x"]}
    assert read_table(of_new, new, ["b"]).to_columns() == {"b": [[("still", 1)]]}


def test_a_file_of_another_layout_is_refused_by_name():
    data = write_table(make_table(Layout("example/2", (Column("a", "text"),)), {"a": ["x"]}))
    with pytest.raises(RejectedInput, match="example/2") as caught:
        read_table(data, Layout("example/1", (Column("a", "text"),)))
    assert caught.value.reason == "unknown_layout"


def test_damaged_bytes_are_rejected_or_read_but_never_anything_else():
    whole = write_table(make_table(_LAYOUT, {name: rows * 50 for name, rows in _ROWS.items()}))
    chance = random.Random(7)
    reasons: list[str] = []
    for _ in range(300):
        damaged = bytearray(whole)
        if chance.random() < 0.3:
            damaged = damaged[: chance.randrange(len(whole))]
        else:
            for _ in range(chance.randrange(1, 20)):
                damaged[chance.randrange(len(whole))] = chance.randrange(256)
        try:
            read_table(bytes(damaged), _LAYOUT).to_columns()
        except RejectedInput as fault:
            reasons.append(fault.reason)
    assert len(reasons) > 100
    assert set(reasons) <= {"broken_parquet", "unknown_layout"}


def test_a_file_without_a_layout_is_refused():
    target = io.BytesIO()
    pa.parquet.write_table(pa.table({"a": ["x"]}), target)
    with pytest.raises(RejectedInput, match="none"):
        read_table(target.getvalue(), Layout("example/1", (Column("a", "text"),)))


def test_rows_that_do_not_fit_are_our_mistake():
    layout = Layout("example/1", (Column("a", "integer"), Column("b", "text")))
    with pytest.raises(FatalFault):
        make_table(layout, {"a": ["no number"], "b": ["x"]})
    with pytest.raises(FatalFault):
        make_table(layout, {"a": [1, 2], "b": ["x"]})
    with pytest.raises(FatalFault):
        make_table(layout, {"a": [2**70], "b": ["x"]})
    with pytest.raises(FatalFault):
        make_table(layout, {"a": [1], "b": ["\ud800"]})


def _vendor_exceptions() -> list[type[Exception]]:
    found = {
        value
        for value in vars(pa.lib).values()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ in {"pyarrow.lib", "builtins"}
    }
    named = {value for value in found if value.__name__.startswith("Arrow")}
    return sorted(named | {pa.ArrowException, OSError, pa.ArrowMemoryError}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", _vendor_exceptions(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("doing", ["read", "write"])
def test_every_exception_of_the_vendor_becomes_one_of_ours(kind, doing):
    with pytest.raises(ObservatoryError) as caught, translated(doing):
        raise kind("the vendor's words")
    assert isinstance(caught.value.__cause__, kind)
    assert "vendor" not in caught.value.sentence


def test_the_vendor_has_no_exception_of_another_family():
    assert len(_vendor_exceptions()) >= 11
    assert all(issubclass(kind, pa.ArrowException | OSError | MemoryError) for kind in _vendor_exceptions())


def test_a_full_disk_passes():
    with pytest.raises(TransientFault, match="No space left"), translated("write"):
        raise OSError(errno.ENOSPC, "No space left on device")
