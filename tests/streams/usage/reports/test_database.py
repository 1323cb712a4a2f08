from __future__ import annotations

import duckdb
import pytest

from schemas.errors import FatalFault, ObservatoryError, TransientFault
from sinks.parquet import Column, Layout, make_table
from streams.usage.reports.database import Database, translated


def _vendor_exceptions() -> list[type[Exception]]:
    found = {value for value in vars(duckdb).values() if isinstance(value, type) and issubclass(value, Exception)}
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", _vendor_exceptions(), ids=lambda kind: kind.__name__)
def test_every_exception_of_the_vendor_becomes_one_of_ours(kind):
    with pytest.raises(ObservatoryError) as caught, translated():
        raise kind("the vendor's words")
    assert isinstance(caught.value.__cause__, kind)
    assert isinstance(caught.value, TransientFault | FatalFault)


def test_the_vendor_has_the_exceptions_we_know():
    assert len(_vendor_exceptions()) >= 30


def test_a_table_is_inserted_and_asked():
    table = make_table(
        Layout("example/1", (Column("a", "text"), Column("n", "tally"))), {"a": ["x"], "n": [[("b", 2)]]}
    )
    database = Database()
    database.run("CREATE TABLE kept (a VARCHAR, key VARCHAR, value BIGINT)")
    database.insert("INSERT INTO kept SELECT a, e.key, e.value FROM arriving, unnest(map_entries(n)) AS t(e)", table)
    assert database.run("SELECT * FROM kept WHERE a = $a", {"a": "x"}) == [("x", "b", 2)]
    with pytest.raises(FatalFault):
        database.run("SELECT * FROM arriving")
    database.close()


def test_a_wrong_statement_is_our_mistake():
    with pytest.raises(FatalFault):
        Database().run("SELEKT 1")
