"""Bundles: small records of one partition that come together and are acknowledged together."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from streams.brokers.bundles import BUNDLED_RECORDS, to_bundles
from streams.brokers.records import Stored

AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def make_records(count):
    return [Stored("uses", 0, 3 * place, AT, None, (), b"x") for place in range(count)]


@given(st.integers(0, 3 * BUNDLED_RECORDS))
def test_bundles_hold_every_record_once_in_order_and_none_is_empty_or_too_large(count):
    records = make_records(count)
    bundles = to_bundles(records)
    assert [record for bundle in bundles for record in bundle.records] == records
    assert all(1 <= len(bundle.records) <= BUNDLED_RECORDS for bundle in bundles)


def test_a_bundle_stands_at_the_offset_of_its_last_record():
    (bundle,) = to_bundles(make_records(5))
    assert bundle.offset == 12
