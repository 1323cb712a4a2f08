"""Every error of SQLite and of the disk has a meaning here."""

from __future__ import annotations

import errno
import inspect
import sqlite3
from pathlib import Path

import pytest

from schemas.errors import FatalFault, TransientFault
from streams.embedded.connection import FAULTS, to_fault, translate_errors

PATH = Path("log.db")
VENDOR = {
    made
    for _, made in inspect.getmembers(sqlite3, inspect.isclass)
    if issubclass(made, Exception) and made is not sqlite3.Warning
}


def make_error(code, made=sqlite3.OperationalError):
    error = made("what SQLite says")
    error.sqlite_errorcode = code
    return error


def test_every_error_class_of_sqlite_is_mapped():
    assert set(FAULTS) == VENDOR


def test_sqlite_never_raises_its_warning():
    # the one class of PEP 249 that the door does not catch: its documentation says that the module never raises it
    assert not issubclass(sqlite3.Warning, sqlite3.Error)


@pytest.mark.parametrize("made", sorted(VENDOR, key=lambda one: one.__name__))
def test_an_error_without_a_code_stops_with_its_cause(made):
    error = made("what SQLite says")
    with pytest.raises(FatalFault, match="what SQLite says") as caught, translate_errors(PATH):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_BUSY, "another process"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "another process"),
        (sqlite3.SQLITE_IOERR_WRITE, "failed to read or write"),
        (sqlite3.SQLITE_NOMEM, "what SQLite says"),
    ],
)
def test_what_may_pass_is_transient(code, words):
    fault = to_fault(make_error(code), PATH)
    assert isinstance(fault, TransientFault)
    assert words in fault.sentence


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_ERROR,
    ],
)
def test_what_does_not_pass_is_fatal(code):
    assert isinstance(to_fault(make_error(code, sqlite3.DatabaseError), PATH), FatalFault)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, TransientFault),
        (errno.EDQUOT, TransientFault),
        (errno.EACCES, FatalFault),
        (errno.EROFS, FatalFault),
    ],
)
def test_the_disks_own_errors_are_told_apart(number, expected):
    with pytest.raises(expected), translate_errors(PATH):
        raise OSError(number, "no")
