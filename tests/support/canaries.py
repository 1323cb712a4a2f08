"""Canaries: made-up persons, and the search for any trace of them, in whatever spelling, packing or digest."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

#: Each canary holds one of these, so that a search for a few words finds any of them.
STEMS = ("kanariq", "vogelsang", "198.51.100.", "2001:db8:ca7a:")

_HEX_RUN = re.compile(rb"[0-9a-f]{32,}")
_PDF_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_DIGESTS = ("sha256", "sha1", "md5")


@dataclass(frozen=True)
class Canary:
    """Somebody who is nobody."""

    number: int

    @property
    def name(self) -> str:
        """Given name and surname, beyond ASCII."""
        return f"Kanariq Ñandú {self.number}"

    @property
    def mail(self) -> str:
        """An address for letters."""
        return f"kanariq.{self.number}@Vogelsang.example"

    @property
    def address(self) -> str:
        """An IP address: of every second one the newer sort."""
        return f"2001:db8:ca7a:{self.number:x}::1" if self.number % 2 else f"198.51.100.{self.number}"

    @property
    def token(self) -> str:
        """A cookie."""
        return f"kanariq-cookie-{self.number}"

    @property
    def agent(self) -> str:
        """A program."""
        return f"KanariqBrowser/{self.number}.0 (+https://vogelsang.example)"

    @property
    def told(self) -> tuple[str, ...]:
        """All of it."""
        return self.name, self.mail, self.address, self.token, self.agent


CANARIES = tuple(Canary(number) for number in range(200))


def _spell(stem: str) -> Iterator[tuple[str, bytes, bool]]:
    """Yield the spellings of a word: what each is called, its bytes, and whether capitals are another spelling."""
    for form in {stem, stem.capitalize(), stem.upper()}:
        data = form.encode()
        yield "hexadecimal", data.hex().encode(), False
        yield "percent", "".join(f"%{byte:02x}" for byte in data).encode(), False
        for shift in range(3):
            # the letters at both ends depend on their neighbours
            text = base64.b64encode(b"x" * shift + data)
            inner = text[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
            yield "base64", inner, True
            yield "base64", inner.translate(bytes.maketrans(b"+/", b"-_")), True
    yield "plain", stem.encode(), False
    yield "percent", urllib.parse.quote(stem, safe="").lower().encode(), False
    for code in ("utf-16-le", "utf-16-be", "utf-32-le"):
        yield code, stem.encode(code), False


def _digest() -> dict[bytes, str]:
    """Return the first half of every digest without a key of whatever of a canary somebody may have taken one of."""
    found = {}
    for canary in CANARIES:
        joined = (
            f"{canary.address}\n{canary.agent}",
            f"https://idp.example\n{canary.mail}",
            f"{canary.name} {canary.mail}",
        )
        for text in {form for told in (*canary.told, *joined) for form in (told, told.lower(), told.upper())}:
            for kind in _DIGESTS:
                found[hashlib.new(kind, text.encode()).hexdigest()[:32].encode()] = f"{kind} of {text!r}"
    return found


_SPELLINGS = tuple({(kind, data, exact) for stem in STEMS for kind, data, exact in _spell(stem)})
_SHAS = _digest()


def find_canaries(places: Iterable[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
    """Return where a trace of a canary was found: the place, the spelling, and what stands about it."""
    found = []
    for place, packed in places:
        for data in _unpack(packed):
            lowered = data.lower()
            for kind, word, exact in _SPELLINGS:
                at = (data if exact else lowered).find(word)
                if at >= 0:
                    found.append((place, kind, repr(data[max(0, at - 40) : at + 60])))
            found += [(place, "digest", _SHAS[run[:32]]) for run in _HEX_RUN.findall(lowered) if run[:32] in _SHAS]
    return found


def _unpack(data: bytes) -> Iterator[bytes]:
    """Yield some bytes, and what is packed in them."""
    yield data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    elif data.startswith(b"PAR1"):
        yield str(pq.read_table(io.BytesIO(data)).to_pydict()).encode()
    elif data.startswith(b"%PDF"):
        for stream in _PDF_STREAM.findall(data):
            try:
                yield zlib.decompress(stream)
            except zlib.error:
                continue
