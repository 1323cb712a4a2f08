"""The exact interval of a Poisson count (Garwood), without a statistics library."""

from __future__ import annotations

import math
from functools import lru_cache

#: Share of intervals that hold the true mean: 95 %.
CONFIDENCE = 0.95

#: Half of what is left, at each end.
_TAIL = (1 - CONFIDENCE) / 2

#: Quantile of the normal distribution at 1 - _TAIL, for the first guess only.
_NORMAL = 1.959963984540054

#: Relative change at which the search ends: far below the six digits that are given.
_CLOSE = 1e-13

#: Terms of a series or fraction after which it would never end; 10**7 particles need some 20,000.
_TERMS = 10_000_000

#: Stands for 0 in a continued fraction (Lentz's method).
_TINY = 1e-300

_KEPT = 8192


@lru_cache(maxsize=_KEPT)
def find_interval(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of a Poisson variable of which ``count`` was seen once.

    Parameters
    ----------
    count
        0 or more. Counts of several volumes are added first: the sum is a Poisson count too.

    Returns
    -------
    tuple of float
        Lower and upper end: the means under which a count as high, or as low, has the chance 2.5 %. That is
        ``chi2(0.025; 2 n) / 2`` and ``chi2(0.975; 2 n + 2) / 2``; the lower end for 0 is 0.

    Raises
    ------
    ValueError
        If the count is negative.

    Notes
    -----
    F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936), 437-442. The quantiles are those of the
    gamma distribution of shape n and n + 1, found by Newton's method between bounds; its distribution function is the
    regularised incomplete gamma function by series and continued fraction (NIST DLMF 8.11.4 and 8.9.2).
    """
    if count < 0:
        message = f"a count is 0 or more, not {count}"
        raise ValueError(message)
    return _find_lower(count), _find_upper(count)


def _find_lower(count: int) -> float:
    """Return the mean m with P(X >= count | m) = 2.5 %."""
    return 0.0 if count == 0 else _solve(float(count), _TAIL, upper=False)


def _find_upper(count: int) -> float:
    """Return the mean m with P(X <= count | m) = 2.5 %."""
    return _solve(count + 1.0, _TAIL, upper=True)


def _solve(shape: float, tail: float, *, upper: bool) -> float:
    """Return x where the upper (or lower) tail of the gamma distribution of this shape is ``tail``."""
    low, high = (shape, math.inf) if upper else (0.0, shape)
    x = _guess(shape, upper=upper)
    for _ in range(200):
        miss = _measure_tail(shape, x, upper=upper) - tail
        # the upper tail falls with x, the lower one rises
        if (miss > 0) == upper:
            low = x
        else:
            high = x
        slope = -_find_density(shape, x) if upper else _find_density(shape, x)
        step = miss / slope if slope else math.inf
        new = x - step
        if not low < new < high:
            new = (low + high) / 2 if math.isfinite(high) else 2 * x
        if abs(new - x) <= _CLOSE * x:
            return new
        x = new
    return x


def _guess(shape: float, *, upper: bool) -> float:
    """Return the Wilson-Hilferty approximation, or a small number where it fails."""
    z = _NORMAL if upper else -_NORMAL
    cube = 1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))
    return shape * cube**3 if cube > 0 else shape / 100


def _find_density(shape: float, x: float) -> float:
    """Return the density of the gamma distribution of this shape and scale 1."""
    return math.exp((shape - 1) * math.log(x) - x - math.lgamma(shape))


def _measure_tail(shape: float, x: float, *, upper: bool) -> float:
    """Return Q(shape, x), or P(shape, x) for the lower tail, each by the form that converges at its x."""
    if x < shape + 1:
        lower = _sum_series(shape, x)
        return 1 - lower if upper else lower
    rest = _sum_fraction(shape, x)
    return rest if upper else 1 - rest


def _sum_series(shape: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function, for x below shape + 1 (NIST DLMF 8.11.4)."""
    term = total = 1 / shape
    for step in range(1, _TERMS):
        term *= x / (shape + step)
        total += term
        if term < total * 1e-17:
            break
    return total * math.exp(shape * math.log(x) - x - math.lgamma(shape))


def _sum_fraction(shape: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function, for x from shape + 1 (NIST DLMF 8.9.2, Lentz's method)."""
    b = x + 1 - shape
    c, d = 1 / _TINY, 1 / b
    total = d
    for step in range(1, _TERMS):
        factor = -step * (step - shape)
        b += 2
        d = factor * d + b
        c = b + factor / c
        d = 1 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        change = d * c
        total *= change
        if abs(change - 1) < 1e-16:  # noqa: PLR2004 - one unit in the last place
            break
    return total * math.exp(shape * math.log(x) - x - math.lgamma(shape))
