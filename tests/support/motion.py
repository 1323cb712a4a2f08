"""Pictures of a plain sea bed with things that move over it, for tests of the motion detector."""

from __future__ import annotations

import numpy as np

from detectors.base import View
from schemas.finding import Image
from schemas.geometry import FramePlace, WholePart

WIDTH_PX, HEIGHT_PX = 320, 240

FISH, SPECK = (70, 60, 50), (235, 240, 240)


def make_bed(*, light=1.0, noise=1.5, seed=0, width_px=WIDTH_PX, height_px=HEIGHT_PX):
    """Return an empty scene: texture that stays, under ``light``, with sensor noise of its own."""
    texture = np.random.default_rng(99).uniform(0.8, 1.2, (height_px // 8 + 1, width_px // 8 + 1, 1))
    texture = np.kron(texture, np.ones((8, 8, 1)))[:height_px, :width_px]
    down = np.linspace(1.1, 0.7, height_px)[:, None, None]
    scene = np.asarray((60, 110, 120)) * texture * down * light
    scene = scene + np.random.default_rng(seed).normal(0, noise, scene.shape)
    return np.clip(np.rint(scene), 0, 255).astype(np.uint8)


def put(picture, box, colour=FISH):
    """Return the picture with a rectangle of one colour (left, top, right, bottom)."""
    left, top, right, bottom = box
    changed = picture.copy()
    changed[top:bottom, left:right] = colour
    return changed


def make_still(pixels, *, index=0):
    height_px, width_px = pixels.shape[:2]
    place = WholePart(part="still")
    return View(Image(index=index, kind="still", width_px=width_px, height_px=height_px, place=place), pixels)


def make_frame(pixels, *, index, per_second=10):
    height_px, width_px = pixels.shape[:2]
    place = FramePlace(part="clip", pts=index, time_base=(1, per_second))
    offset_s = index / per_second
    image = Image(index=index, kind="frame", width_px=width_px, height_px=height_px, offset_s=offset_s, place=place)
    return View(image, pixels)


def make_clip(pictures, *, per_second=10):
    return [make_frame(picture, index=index, per_second=per_second) for index, picture in enumerate(pictures)]


def swim(count=60, *, step_px=4, light=lambda _: 1.0, **scene):
    """Return the pictures and boxes of one fish that crosses the view."""
    boxes = [(10 + step_px * number, 100, 50 + step_px * number, 118) for number in range(count)]
    pictures = [put(make_bed(seed=number, light=light(number), **scene), box) for number, box in enumerate(boxes)]
    return pictures, boxes
