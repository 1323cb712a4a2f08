"""The motion detector: things that move before a fixed camera, by a background it models or is given."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from detectors.base import Identity
from detectors.motion.blobs import find_blobs
from detectors.motion.clip import Clip, Settled
from detectors.motion.light import compare, to_logarithms
from detectors.motion.parameters import MotionParameters
from schemas.errors import RejectedInput
from schemas.finding import Finding, number_findings
from schemas.geometry import Box, Whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detectors.base import View
    from detectors.motion.background import StillBackground
    from detectors.motion.blobs import Blob
    from schemas.unit import UnitKind

#: Changes with anything that changes a finding for the same pixels and parameters.
VERSION = "1"

#: What findings are called: a thing that moves, and a scene that is not the one of the background.
MOVING, SCENE_CHANGE = "moving", "scene_change"


class MotionDetector:
    """Looks at clips and, with a background picture, at stills of fixed cameras; used by several threads at once."""

    def __init__(self, parameters: MotionParameters | None = None, background: StillBackground | None = None) -> None:
        """Put parameters and background together; the background's digest, not its key, is a parameter of the answer."""
        self._parameters = parameters or MotionParameters()
        self._background = background
        values = self._parameters.to_plain() | ({"background": background.sha256} if background else {})
        self._identity = Identity(name="motion", version=VERSION, parameters=values)

    @property
    def identity(self) -> Identity:
        """``motion``, its version, and all its parameters."""
        return self._identity

    def decline(self, kind: UnitKind) -> str | None:
        """Decline stills without a background picture, and everything a fixed camera does not make."""
        if kind == "clip":
            return None
        if kind in {"still", "photo"}:
            return None if self._background else "no_background"
        return "no_fixed_camera"

    def look(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        """Yield the findings of each view.

        Raises
        ------
        RejectedInput
            ``too_few_views``: a clip of less than three has no background. ``changing_size``: its views differ in size.
            ``no_background``, ``background_mismatch``: a still without a background, or of another shape.
        """
        source = iter(views)
        first = next(source, None)
        if first is None:
            return
        everything = chain([first], source)
        yield from self._look_at_clip(everything) if first.image.kind == "frame" else self._look_at_stills(everything)

    # --- stills: against the background picture ---

    def _look_at_stills(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        if self._background is None:
            reason = "no_background"
            raise RejectedInput(reason, "A still needs a background picture, and none is set.")
        for view in views:
            picture = to_logarithms(view.pixels, work_px=self._parameters.work_px)
            background, unrest = self._background.to_work(width_px=picture.shape[1], height_px=picture.shape[0])
            sight = find_blobs(picture, compare(picture, background, unrest), self._parameters)
            things = tuple((blob, None) for blob in sight.blobs)
            yield self._report(Settled(view.image, (picture.shape[0], picture.shape[1]), sight, things))

    # --- clips: against what the clip shows before and shortly after ---

    def _look_at_clip(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        clip = Clip(self._parameters)
        for view in views:
            clip.draw(view)
            if clip.is_full:
                yield self._report(clip.settle())
        clip.close()
        while clip.is_waiting:
            yield self._report(clip.settle())

    def _report(self, settled: Settled) -> tuple[Finding, ...]:
        """Return the findings of one image in its own pixels."""
        sight, image = settled.sight, settled.image
        if sight.share > self._parameters.most_share:
            return (
                Finding(n=0, by="method", label=SCENE_CHANGE, geometry=Whole(), measures=_measure(share=sight.share)),
            )
        high, wide = settled.work_px
        x, y = image.width_px / wide, image.height_px / high
        found = []
        for blob, track in settled.things:
            left, top, right, bottom = blob.box
            box = Box(xyxy=(left * x, top * y, min(right * x, image.width_px), min(bottom * y, image.height_px)))
            measures = _measure(share=sight.share) | {"area_px": blob.area_px * x * y, "contrast": blob.contrast}
            flags = ("edge",) if _touches_edge(blob, settled.work_px) else ()
            found.append(
                Finding(n=0, by="method", label=MOVING, geometry=box, measures=measures, track=track, flags=flags)
            )
        return number_findings(found)


def _measure(*, share: float) -> dict[str, float]:
    return {"motion_share": share}


def _touches_edge(blob: Blob, work_px: tuple[int, int]) -> bool:
    left, top, right, bottom = blob.box
    return left == 0 or top == 0 or right == work_px[1] or bottom == work_px[0]
