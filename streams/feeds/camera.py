"""The reader of cameras: a unit's still or clip, decoded in another process, with the feed's sampling and masks."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.errors import RejectedInput
from schemas.result import Broken, Complete, Effort
from streams.feeds.decoding.events import CLIP_READER, STILL_READER
from streams.feeds.decoding.limits import EVERY_IMAGE
from streams.feeds.masks import flag_masked, to_mask_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from detectors.base import View
    from schemas.finding import Entry, Finding
    from schemas.geometry import Polygon
    from schemas.unit import Unit
    from streams.feeds.decoding.limits import Sampling
    from streams.feeds.decoding.pool import DecodingPool
    from streams.feeds.decoding.unit import OpenUnit
    from streams.units.desk import SettingsDesk
    from streams.units.originals import Originals


@dataclass
class CameraUnit:
    """An opened still or clip."""

    opened: OpenUnit
    _looked: int = 0

    def views(self) -> Iterator[View]:
        """Yield the images; pixels stay valid until ``LOOKAHEAD`` further ones were drawn."""
        for view in self.opened.views:
            self._looked += 1
            yield view

    @property
    def effort(self) -> Effort:
        """What was read."""
        ending = self.opened.ending
        duration_s = ending.duration_s if ending else None
        return Effort(
            images_looked=self._looked,
            images_unread=len(self.opened.unread),
            images_passed_over=ending.passed_over if ending else 0,
            quantities={} if duration_s is None else {"duration_s": duration_s},
        )

    @property
    def coverage(self) -> Complete | Broken:
        """Whether everything was read."""
        ending = self.opened.ending
        if ending is None or not ending.broken:
            return Complete()
        return Broken(reason=ending.broken, looked_until_s=ending.looked_until_s)

    @property
    def unread(self) -> tuple[Entry, ...]:
        """The images that could not be read."""
        return tuple(self.opened.unread)

    @property
    def account(self) -> None:
        """A camera says nothing of what it saw."""
        return


@dataclass(frozen=True)
class CameraReader:
    """Opens the units of cameras.

    Parameters
    ----------
    sampling
        Which frames of clips are looked at, by feed.
    desk
        Knows the deployments, and with them the masks.
    """

    pool: DecodingPool
    originals: Originals
    desk: SettingsDesk
    sampling: Mapping[str, Sampling] = field(default_factory=dict)

    def to_version(self, unit: Unit) -> str:
        """Return ``still/1`` or ``video/1``."""
        return CLIP_READER if unit.stamp.kind == "clip" else STILL_READER

    def to_parameters(self, unit: Unit) -> dict[str, object]:
        """Return the clip's sampling, where it is not every image, and the mask."""
        parameters: dict[str, Any] = dict(to_mask_parameters(self._find_mask(unit)))
        sampling = self._find_sampling(unit)
        if sampling != EVERY_IMAGE:
            parameters["sampling"] = {
                name: value
                for name, value in (
                    ("every_n", sampling.every_n),
                    ("every_s", sampling.every_s),
                    ("key_frames", sampling.key_frames),
                )
                if value not in (1, 0.0, False)
            }
        return parameters

    def _find_sampling(self, unit: Unit) -> Sampling:
        is_clip = unit.stamp.kind == "clip"
        return self.sampling.get(unit.stamp.feed, EVERY_IMAGE) if is_clip else EVERY_IMAGE

    def _find_mask(self, unit: Unit) -> Polygon | None:
        deployment = self.desk.find_deployment(unit)
        return deployment.mask if deployment else None

    @contextmanager
    def open(self, unit: Unit) -> Iterator[CameraUnit]:
        """Open a unit: a still from memory, a clip from a lent file.

        Raises
        ------
        RejectedInput
            ``original_changed`` if the stored original is not the one that arrived, or whatever is wrong with it.
        """
        part = unit.parts[0]
        with ExitStack() as stack:
            if unit.stamp.kind == "clip":
                path = stack.enter_context(self.originals.lend(part.at))
                source: Any = path
                size_bytes = path.stat().st_size
            else:
                source = self.originals.read(part.at)
                size_bytes = len(source)
            if size_bytes != part.size_bytes:
                reason = "original_changed"
                raise RejectedInput(reason, "The stored original is not as long as the one that arrived.")
            opened = stack.enter_context(
                self.pool.open_unit(source, part=part.role, sampling=self._find_sampling(unit))
            )
            yield CameraUnit(opened)

    def flag(self, unit: Unit, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings, those inside the deployment's mask flagged ``masked``."""
        mask = self._find_mask(unit)
        return findings if mask is None else flag_masked(findings, mask)
