"""The feed desk: what settings and deployments say of a feed and of one of its arrivals."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.errors import RejectedInput
from schemas.geometry import Nowhere
from schemas.sampling.run import RunRecord
from schemas.unit import Instant, Undated
from streams.feeds.capture import Claims, Reading, find_reading, read_claims
from streams.feeds.corrections import find_deployment
from streams.feeds.decoding.sniff import sniff
from streams.feeds.deployments import place_reading
from streams.feeds.runs.listing import lend_run
from streams.units.routing import Context, DeploymentFacts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from schemas.media import MediaArrived
    from schemas.unit import Part, Unit
    from streams.feeds.capture import CaptureRule
    from streams.feeds.decoding.events import Header
    from streams.feeds.decoding.sniff import Format
    from streams.feeds.decoding.unit import OpenUnit
    from streams.feeds.deployments import Deployment
    from streams.settings.model import FeedSettings, InstallationSettings
    from streams.units.originals import Originals

#: Units whose deployment is remembered: those at work and some more.
_REMEMBERED_UNITS = 1_000

#: Bytes from the start of a file that tell what it is.
HEAD_BYTES = 4_096


class Prober(Protocol):
    """Reads what a file says of itself, in another process."""

    def probe(self, source: bytes | Path) -> Header:
        """Return the header of a still's bytes, or of a file."""
        ...

    def open_run(self, listing: Path, *, probe: bool = False) -> OpenUnit:
        """Open the run whose files are listed."""
        ...


@dataclass(frozen=True)
class SettingsDesk:
    """The desk of a deployment's settings.

    Parameters
    ----------
    deployments
        The dated deployments of each feed, oldest first.
    """

    feeds: Mapping[str, FeedSettings]
    installations: Mapping[str, InstallationSettings]
    originals: Originals
    prober: Prober
    deployments: Mapping[str, tuple[Deployment, ...]] = field(default_factory=dict)
    _found: dict[str, Deployment | None] = field(default_factory=dict)

    def find_installation(self, feed: str) -> str:
        """Return the installation of a feed."""
        settings = self.feeds.get(feed)
        if settings is None:
            reason = "unknown_feed"
            raise RejectedInput(reason, f"There is no feed {feed!r} in the settings.")
        if settings.installation not in self.installations:
            reason = "unknown_installation"
            raise RejectedInput(
                reason, f"Feed {feed!r} names the installation {settings.installation!r}: there is none."
            )
        return settings.installation

    def takes_runs(self, feed: str) -> bool:
        """Return whether the settings say so of a feed."""
        return self.feeds[feed].reads == "runs"

    def describe(self, media: MediaArrived, data: bytes | None, parts: tuple[Part, ...]) -> Context:
        """Return what an arrival is, and when and where it was taken."""
        if self.takes_runs(media.feed):
            return self._describe_run(media, parts)
        settings, (part,) = self.feeds[media.feed], parts
        content = sniff(data[:HEAD_BYTES] if data is not None else self._read_head(part.at))
        reading = self._read_time(media, settings.capture, data, part.at)
        placed = place_reading(reading, settings.capture, self.deployments.get(media.feed, ()))
        return Context(
            kind=content.kind,
            parts=(_retype(part, content),),
            group=media.subject,
            layout=content.kind,
            captured=placed.dated.captured,
            captured_from=placed.dated.captured_from,
            claimed_at=placed.dated.claimed_at,
            deployment=to_facts(placed.deployment, settings.instrument),
        )

    def _describe_run(self, media: MediaArrived, parts: tuple[Part, ...]) -> Context:
        """Ask the files themselves, in another process, what run they are and which of them is which part of it."""
        with lend_run(parts, self.originals) as listing, self.prober.open_run(listing, probe=True) as opened:
            record, roles = RunRecord.model_validate(opened.header.run), dict(opened.roles)
        by_name = {part.name: part for part in parts}
        if "archive" in roles:
            roles["archive"] = parts[0].name
        captured, captured_from, claimed_at = _date_run(media, record)
        return Context(
            kind="run",
            parts=tuple(by_name[name].model_copy(update={"role": role}) for role, name in roles.items()),
            group=record.group or media.subject.removesuffix(".zip"),
            layout=record.layout,
            captured=captured,
            captured_from=captured_from,
            claimed_at=claimed_at,
            # where the water was taken stands in the sample sheet, and is joined when publishing
            deployment=DeploymentFacts(self.feeds[media.feed].instrument, Nowhere(why="sample_sheet")),
        )

    def _read_head(self, key: str) -> bytes:
        with self.originals.lend(key) as path, path.open("rb") as file:
            return file.read(HEAD_BYTES)

    def _read_time(self, media: MediaArrived, rule: CaptureRule, data: bytes | None, key: str) -> Reading | Undated:
        """Ask the sender and the file name first: looking into the file costs a visit to another process."""
        claims = Claims(subject=media.subject, sender_at=media.captured_at)
        reading = find_reading(claims, rule)
        if isinstance(reading, Reading):
            return reading
        last = replace(claims, modified_at=media.modified_at)
        if not (rule.use_exif or rule.use_container):
            return read_claims(last, rule)
        header = self._probe(data, key)
        return read_claims(replace(last, exif=header.exif_time, container=header.container_time), rule)

    def _probe(self, data: bytes | None, key: str) -> Header:
        if data is not None:
            return self.prober.probe(data)
        with self.originals.lend(key) as path:
            return self.prober.probe(path)

    def find_deployment(self, unit: Unit) -> Deployment | None:
        """Return the deployment that a unit was taken in, by the table as it is now; asked for each image of a clip."""
        known = self.deployments.get(unit.stamp.feed, ())
        if not known:
            return None
        unit_id = unit.stamp.unit_id
        try:
            return self._found[unit_id]
        except KeyError:
            found = find_deployment(unit, self.feeds[unit.stamp.feed].capture, known)
        if len(self._found) >= _REMEMBERED_UNITS:
            self._found.clear()
        self._found[unit_id] = found
        return found


def _retype(part: Part, content: Format) -> Part:
    """Return a part as what its bytes are, whatever its sender called it."""
    if (part.role, part.media_type) == (content.kind, content.media_type):
        return part
    return part.model_copy(update={"role": content.kind, "media_type": content.media_type})


def _date_run(
    media: MediaArrived, record: RunRecord
) -> tuple[Instant | Undated, Literal["sender", "instrument", "nothing"], dt.datetime | None]:
    """Return when an instrument ran: the sender says it, or the instrument's clock where that is known to be UTC."""
    if media.captured_at is not None:
        return Instant(at=media.captured_at), "sender", media.captured_at
    if record.started_at is not None:
        return Instant(at=record.started_at), "instrument", record.started_at
    return Undated(why="no_clock" if record.started_local is None else "unknown_zone"), "nothing", None


def to_facts(deployment: Deployment | None, instrument: str) -> DeploymentFacts:
    """Return where the camera hung; without a deployment only the feed's instrument is known."""
    if deployment is None:
        return DeploymentFacts(instrument=instrument, where=Nowhere(why="not_declared"))
    return DeploymentFacts(deployment.instrument, deployment.where, deployment.to_digest())
