"""From what a file system says to one of the three faults."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import FatalFault, RejectedInput, TransientFault
from sinks.object_store.store import MISSING_OBJECT

#: Faults of the moment: full, busy, interrupted, or a network drive that is away. Everything else is a wrong setting.
#: Not every platform knows every name.
_PASSING = frozenset(
    getattr(errno, name)
    for name in (
        "EAGAIN",
        "EBUSY",
        "ECONNABORTED",
        "ECONNREFUSED",
        "ECONNRESET",
        "EDQUOT",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "EINTR",
        "EIO",
        "EMFILE",
        "ENETDOWN",
        "ENETUNREACH",
        "ENFILE",
        "ENOLCK",
        "ENOMEM",
        "ENOSPC",
        "ENOTCONN",
        "EREMOTEIO",
        "ESTALE",
        "ETIMEDOUT",
    )
    if hasattr(errno, name)
)

#: Windows: sharing violation, lock violation (another program has the file open).
_PASSING_WINDOWS = frozenset({32, 33})


@contextmanager
def translate_file_faults(key: str) -> Iterator[None]:
    """Turn an OSError that is about the object ``key`` into one of the three faults."""
    try:
        yield
    except FileNotFoundError as error:
        reason, sentence = MISSING_OBJECT, f"no object {key}"
        raise RejectedInput(reason, sentence) from error
    except (IsADirectoryError, NotADirectoryError) as error:
        reason, sentence = "bad_object_key", f"the object key {key} lies above or below another object's"
        raise RejectedInput(reason, sentence) from error
    except OSError as error:
        passing = error.errno in _PASSING or getattr(error, "winerror", None) in _PASSING_WINDOWS
        message = f"the object store's folder: {error.strerror or error} ({key})"
        raise (TransientFault if passing else FatalFault)(message) from error
