"""Messages between the program and a decoding process: JSON arrays of them with their length before it, over a pipe.

JSON and not pickle, because who decodes what is not trusted is not trusted either.
"""

from __future__ import annotations

import json
import os
from collections import deque
from dataclasses import dataclass, field
from typing import Any

#: Most bytes that are sent at once: a header with every claim a file can make is a few hundred bytes, a list of slots a few
#: kilobytes.
LONGEST_MESSAGE = 1 << 20

_PREFIX_BYTES = 4
_READ_BYTES = 1 << 16

Message = dict[str, Any]

#: Made once: ``json.dumps`` makes an encoder for every call that asks for compact text.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class GarbledError(Exception):
    """What came over the pipe is not a message."""


@dataclass(slots=True)
class Channel:
    """One end of two pipes; used by one thread at a time."""

    incoming: int
    outgoing: int
    _unsent: list[Message] = field(default_factory=list)
    _received: bytearray = field(default_factory=bytearray)
    _unread: deque[Message] = field(default_factory=deque)

    def put(self, message: Message) -> None:
        """Keep a message until :meth:`flush`, so that several leave in one call."""
        self._unsent.append(message)

    def flush(self) -> None:
        """Send what was put.

        Raises
        ------
        OSError
            If the other side is gone.
        """
        if not self._unsent:
            return
        text = _encode(self._unsent).encode()
        self._unsent.clear()
        unsent = memoryview(len(text).to_bytes(_PREFIX_BYTES, "big") + text)
        while unsent:
            unsent = unsent[os.write(self.outgoing, unsent) :]

    def send(self, message: Message) -> None:
        """Put and flush."""
        self.put(message)
        self.flush()

    def receive(self) -> Message | None:
        """Wait for a message, and return ``None`` when the other side is gone.

        Raises
        ------
        GarbledError
            If what came is not a message.
        """
        if not self._unread and not self._read():
            return None
        return self._unread.popleft()

    def _read(self) -> bool:
        """Wait for messages; return whether there are any."""
        while not (text := self._take()):
            try:
                chunk = os.read(self.incoming, _READ_BYTES)
            except OSError:
                return False
            if not chunk:
                return False
            self._received += chunk
        try:
            messages = json.loads(text.decode())
        except (ValueError, RecursionError) as error:
            raise GarbledError from error
        if not messages or not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
            raise GarbledError
        self._unread.extend(messages)
        return True

    @property
    def has_message(self) -> bool:
        """Whether a message, or what is none, is here already: then :meth:`receive` does not wait."""
        if self._unread:
            return True
        length = int.from_bytes(self._received[:_PREFIX_BYTES], "big")
        return bool(length) and len(self._received) >= _PREFIX_BYTES + length

    def _take(self) -> bytes:
        """Return the text of the first messages that were sent together, if all of it is here."""
        length = int.from_bytes(self._received[:_PREFIX_BYTES], "big")
        is_empty = not length and len(self._received) >= _PREFIX_BYTES
        if length > LONGEST_MESSAGE or is_empty:
            raise GarbledError
        end = _PREFIX_BYTES + length
        if not length or len(self._received) < end:
            return b""
        text = bytes(self._received[_PREFIX_BYTES:end])
        del self._received[:end]
        return text

    def close(self) -> None:
        """Close both pipes; closing again does nothing."""
        for descriptor in {self.incoming, self.outgoing} - {-1}:
            os.close(descriptor)
        self.incoming = self.outgoing = -1
