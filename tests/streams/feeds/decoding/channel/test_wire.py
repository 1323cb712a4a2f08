"""Messages arrive whole and in order, and what is no message is noticed."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.feeds.decoding.channel.wire import LONGEST_MESSAGE, Channel, GarbledError


@pytest.fixture
def ends():
    forth, back = os.pipe(), os.pipe()
    ours, theirs = Channel(back[0], forth[1]), Channel(forth[0], back[1])
    yield ours, theirs
    ours.close()
    theirs.close()


def test_messages_arrive_in_order(ends):
    ours, theirs = ends
    ours.put({"a": 1})
    ours.send({"b": [1.5, None, "ä"]})
    assert theirs.receive() == {"a": 1}
    assert theirs.has_message
    assert theirs.receive() == {"b": [1.5, None, "ä"]}
    assert not theirs.has_message


def test_a_message_in_pieces_arrives_whole(ends):
    _, theirs = ends
    text = b'[{"a":1}]'
    whole = len(text).to_bytes(4, "big") + text
    reader, writer = os.pipe()
    channel = Channel(reader, theirs.outgoing)
    os.write(writer, whole[:3])
    os.write(writer, whole[3:6])
    os.write(writer, whole[6:] + whole)
    assert [channel.receive(), channel.receive()] == [{"a": 1}, {"a": 1}]
    os.close(reader)
    os.close(writer)


def test_the_other_sides_end_is_no_message(ends):
    ours, theirs = ends
    ours.close()
    assert theirs.receive() is None


def test_writing_to_nobody_is_an_error(ends):
    ours, theirs = ends
    theirs.close()
    with pytest.raises(OSError, match=r"(?i)pipe"):
        ours.send({})


@pytest.mark.parametrize(
    "rubbish",
    [
        (LONGEST_MESSAGE + 1).to_bytes(4, "big"),
        b"\0\0\0\x02xx",
        b"\0\0\0\x02[]",
        b"\0\0\0\x02{}",
        b"\0\0\0\x06[{},1]",
        b"\0\0\0\0",
        (50_000).to_bytes(4, "big") + b"[" * 50_000,
        b"\0\0\0\x01\xff",
        b"hello, this is a library that prints",
    ],
)
def test_rubbish_is_noticed(ends, rubbish):
    ours, theirs = ends
    os.write(ours.outgoing, rubbish)
    with pytest.raises(GarbledError):
        theirs.receive()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_garbled_or_the_end(data):
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    channel = Channel(reader, -1)
    try:
        while (message := channel.receive()) is not None:
            assert isinstance(message, dict)
    except GarbledError:
        pass
    finally:
        channel.close()
