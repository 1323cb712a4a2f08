"""Marine snow: specks that drift through the view, the nearest of them large, faint and out of focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Widths of the blurred specks in pixels, and how bright each kind is: what is out of focus is faint.
_WIDTHS_PX = (0.6, 0.9, 1.4, 2.6, 4.5)
_BRIGHTNESS = (0.55, 0.50, 0.34, 0.16, 0.08)

#: Shares of the kinds: most specks are far and small.
_SHARES = (0.36, 0.30, 0.20, 0.10, 0.04)

#: Colour of a lit speck, RGB of 1.
_TINT = np.asarray((0.92, 1.0, 0.98), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Snow:
    """Specks with their place at second 0 and their drift; the current carries all of them the same way.

    Attributes
    ----------
    places
        float64 (n, 2): x and y in pixels.
    drift_px_s
        float64 (n, 2): pixels a second; near ones seem faster.
    kinds
        int (n,): index of width and brightness.
    """

    places: NDArray[np.float64]
    drift_px_s: NDArray[np.float64]
    kinds: NDArray[np.int64]
    width_px: int
    height_px: int

    def fall_on(self, scene: NDArray[np.float32], *, strength: float, seconds_s: float) -> None:
        """Add the specks to a scene, float32 (height_px, width_px, 3), in place."""
        sway = 2.5 * np.sin(seconds_s * 1.3 + self.places[:, 1])
        border_px = 20
        span = np.asarray((self.width_px + 2 * border_px, self.height_px + 2 * border_px))
        now = np.mod(self.places + self.drift_px_s * seconds_s + sway[:, None] * (1, 0.3), span) - border_px
        for (x, y), kind in zip(now, self.kinds, strict=True):
            _add_speck(scene, x, y, width=_WIDTHS_PX[kind], bright=_BRIGHTNESS[kind] * strength)


def make_snow(random: np.random.Generator, *, specks: int, width_px: int, height_px: int) -> Snow:
    """Return ``specks`` specks spread over the picture."""
    kinds = random.choice(len(_WIDTHS_PX), size=specks, p=_SHARES)
    nearness = 4.0 + 7.0 * kinds[:, None]
    current = np.asarray((random.normal(0, 1.2), 0.8))
    drift = nearness * (current + random.normal(0, 0.5, (specks, 2)))
    return Snow(random.uniform(0, (width_px + 40, height_px + 40), (specks, 2)), drift, kinds, width_px, height_px)


def _add_speck(scene: NDArray[np.float32], x: float, y: float, *, width: float, bright: float) -> None:
    reach = int(np.ceil(3 * width))
    left, top = int(x) - reach, int(y) - reach
    right, bottom = left + 2 * reach + 1, top + 2 * reach + 1
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, scene.shape[1]), min(bottom, scene.shape[0])
    if right <= left or bottom <= top:
        return
    across = np.exp(-(((np.arange(left, right) + 0.5 - x) / width) ** 2) / 2)
    down = np.exp(-(((np.arange(top, bottom) + 0.5 - y) / width) ** 2) / 2)
    scene[top:bottom, left:right] += (bright * down[:, None] * across[None, :]).astype(np.float32)[..., None] * _TINT
