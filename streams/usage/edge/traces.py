"""Traces: what would tell who somebody is, looked for in the texts of a use that are kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: An e-mail address, an IP address of either sort; as regular expressions that DuckDB reads too, for text without capitals.
MAIL: Final = r"[^\s@]@[^\s@]+\.[a-z]{2,}"
ADDRESS: Final = (
    r"(^|[^0-9a-z.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])($|[^0-9a-z.]|\.($|[^0-9a-z]))"
    r"|(^|[^0-9a-z:])([0-9a-f]{1,4}:){3,7}(:|[0-9a-f])"
    r"|(^|[^0-9a-z:])([0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4}::[0-9a-f]{1,4}($|[^0-9a-z])"
)

#: Fields that say who somebody is, or in which program: they end at the edge.
IDENTITIES: Final = ("subject", "token", "address", "agent", "session")

#: Fields that come into a use as they are, of those that are no numbers, codes of ours or digests.
_KEPT = ("door", "operation", "owner", "observer", "observer_version", "reason", "resource", "reprocessing_of")

#: A version is written like an address.
_VERSION = "observer_version"

#: Shorter ones are part of many words.
LEAST_LETTERS: Final = 4

COMPLAINT: Final = (
    "it tells who somebody is: it holds an e-mail or IP address, or what another field says of the visitor"
)

_MAIL, _ADDRESS = re.compile(MAIL), re.compile(ADDRESS)


def find_telling(fields: Mapping[str, str]) -> str | None:
    """Return the first field that is kept and tells who somebody is; ``None`` where none does.

    A field does if it holds an e-mail address, an IP address, or what the same line says of the visitor: a subject, token,
    address, program or session of at least four letters.
    """
    own = [text for name in IDENTITIES if len(text := fields.get(name, "").casefold()) >= LEAST_LETTERS]
    for name in _KEPT:
        text = fields[name].casefold()
        if text and (
            _MAIL.search(text)
            or (name != _VERSION and _ADDRESS.search(text))
            or any(identity in text for identity in own)
        ):
            return name
    return None
