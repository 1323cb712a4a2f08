"""Canonical bytes (RFC 8785), digests and the one rounding function: what every identity is computed from."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Largest integer that every JSON reader holds exactly (I-JSON, RFC 7493 section 2.2).
SAFE_INTEGER = 2**53 - 1

#: Below this magnitude Python's shortest form uses an exponent where ECMAScript writes decimals.
_SMALLEST_PLAIN = 1e-4

#: ECMAScript writes plain decimals down to here, and an exponent below (ECMA-262, Number::toString).
_SMALLEST_DECIMAL = 1e-6

#: Parameters keep six significant digits: what a 32-bit float guarantees, so 0.1 from any source is one value.
PARAMETER_DIGITS = 6


#: What is written as it is, whatever it says.
_PLAIN = frozenset({str, bool, type(None)})


class NotCanonicalError(ValueError):
    """The value has no canonical form: NaN, infinity, an integer beyond 2**53, a lone surrogate, a foreign type, too deep."""


def rounded(value: float, decimals: int) -> float:
    """Round half to even in binary64, as ``numpy.round`` does, and never to minus zero.

    Parameters
    ----------
    value
        A finite number; 32-bit floats are widened first.
    decimals
        Digits kept after the point.

    Raises
    ------
    NotCanonicalError
        If ``value`` is NaN or infinite, or too large to be scaled.
    """
    wide = float(value)
    if not math.isfinite(wide):
        message = f"not a finite number: {value!r}"
        raise NotCanonicalError(message)
    scale = 10.0**decimals
    kept = float(np.rint(wide * scale) / scale)
    if not math.isfinite(kept):
        message = f"too large to be rounded: {value!r}"
        raise NotCanonicalError(message)
    return kept if kept != 0 else 0.0


def to_canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value is what this is for
    """Return the RFC 8785 bytes of a JSON value (objects, arrays, text, finite numbers, booleans, null).

    Raises
    ------
    NotCanonicalError
        If the value cannot be written canonically, or is nested deeper than 254 times.
    """
    walk = _Walk()
    try:
        plain = walk.go(value)
        # as RFC 8785 wants it, but for numbers below _SMALLEST_PLAIN and the order of keys beyond ASCII
        written = to_json(plain)
        if not walk.exact and (written.isascii() or not _has_wide_key(plain)):
            return written
        return _write_exactly(plain).encode("utf-8")
    except NotCanonicalError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise NotCanonicalError(str(error)) from error


def to_digest(value: Any) -> str:  # noqa: ANN401
    """Return the sha256 (64 hex digits) of the canonical bytes of a JSON value: ``H`` in the identity rules."""
    return hashlib.sha256(to_canonical(value)).hexdigest()


def to_sha256(data: bytes | memoryview) -> str:
    """Return the sha256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def to_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with every float kept to six significant digits, ready to be hashed."""
    kept: dict[str, Any] = _significant(dict(values))
    return kept


def _significant(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return float(f"{value:.{PARAMETER_DIGITS}g}")
    if isinstance(value, dict):
        return {str(key): _significant(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_significant(item) for item in value]
    message = f"not a parameter value: {value!r}"
    raise NotCanonicalError(message)


class _Walk:
    """Makes values plain: integral floats become integers, and the keys of objects stand in order.

    Attributes
    ----------
    exact
        Whether any number so far needs the exact writer.
    """

    __slots__ = ("exact",)

    def __init__(self) -> None:
        self.exact = False

    def go(self, item: Any) -> Any:  # noqa: ANN401
        kind = type(item)
        if kind in _PLAIN or (kind is int and -SAFE_INTEGER <= item <= SAFE_INTEGER):
            return item
        if kind is dict:
            return self.go_through(item)
        if kind is list or kind is tuple:
            return [part if type(part) is str else self.go(part) for part in item]
        return self._judge(item)

    def go_through(self, item: dict[Any, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        try:
            keys = sorted(item)
        except TypeError:  # of several kinds
            _check_keys(item)
            raise
        for key in keys:
            if type(key) is not str:
                _check_keys(item)
            part = item[key]
            kind = type(part)
            if kind is str:
                kept[key] = part
            else:
                kept[key] = self.go_through(part) if kind is dict else self.go(part)
        return kept

    def _judge(self, item: Any) -> Any:  # noqa: ANN401
        """Return what is neither text nor a small integer nor one of the usual containers."""
        if isinstance(item, float):
            number = _plain_number(item)
            self.exact = self.exact or (isinstance(number, float) and abs(number) < _SMALLEST_PLAIN)
            return number
        if isinstance(item, int):
            if abs(item) > SAFE_INTEGER:
                message = f"integer beyond 2**53: {item}"
                raise NotCanonicalError(message)
            return int(item)
        if isinstance(item, dict):
            return self.go_through(dict(item))
        if isinstance(item, list | tuple):
            return [self.go(part) for part in item]
        if isinstance(item, str):
            return str.__str__(item)
        message = f"no JSON value: {item!r}"  # the writer would take some of them, in a form of its own
        raise NotCanonicalError(message)


def _check_keys(item: dict[Any, Any]) -> None:
    for key in item:
        if not isinstance(key, str):
            message = f"not all keys are text: {list(item)[:5]!r}"
            raise NotCanonicalError(message)


def _has_wide_key(item: Any) -> bool:  # noqa: ANN401
    """Return whether any key is not ASCII: then code points and UTF-16 code units may sort differently."""
    if isinstance(item, dict):
        return any(not key.isascii() or _has_wide_key(part) for key, part in item.items())
    return isinstance(item, list) and any(_has_wide_key(part) for part in item)


def _plain_number(item: float) -> float | int:
    if not math.isfinite(item):
        message = f"not a finite number: {item!r}"
        raise NotCanonicalError(message)
    if not item.is_integer():
        return float(item)  # a plain float, since subclasses such as numpy's write themselves in their own way
    if abs(item) > SAFE_INTEGER:
        message = f"number beyond 2**53: {item!r}"
        raise NotCanonicalError(message)
    return int(item)


def _write_exactly(value: Any) -> str:  # noqa: ANN401
    """Write values the fast encoder would not: tiny numbers, and keys whose order needs UTF-16 code units."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{_write_exactly(key)}:{_write_exactly(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_write_exactly(item) for item in value) + "]"
    return _write_number(value) if isinstance(value, float) else to_json(value).decode()


def _write_number(value: float) -> str:
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    if abs(value) < _SMALLEST_DECIMAL:
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    digits = mantissa.replace(".", "").replace("-", "").removesuffix("0" if mantissa.endswith(".0") else "")
    sign = "-" if value < 0 else ""
    return f"{sign}0.{'0' * (-int(exponent) - 1)}{digits}"
