"""Parent events: what the stills and clips of one feed and year, or the samples of one station visit, have in common."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import quote

from schemas.noun import to_time_text
from sinks.darwin_core.rows import Row, make_measurement, to_cell, to_date_cells, to_place_cells
from sinks.darwin_core.units import Place, Scene

#: Mean radius of the Earth (IUGG), for distances between positions of one camera.
EARTH_RADIUS_M = 6_371_008.8

Range = tuple[float, float]

#: What the parent is: the deployment of a camera, a visit of a station, or nothing (a sample without a visit), which has no row.
Parent = Literal["deployment", "stationVisit", "none"]


@dataclass(slots=True)
class DeploymentShare:
    """The bounds of a parent event.

    Attributes
    ----------
    parent_id
        Where there is no parent, the id of the event itself: its bounds are part of what the archive covers all the same.
    depths_m
        Shallowest and deepest; absent as soon as one event has no depth, because a parent may not say what a child
        does not.
    cameras
        Name of the camera or instrument -> address in collection L22, or nothing.
    """

    parent_id: str
    start_at: dt.datetime
    end_at: dt.datetime
    lat_deg: Range
    lon_deg: Range
    depths_m: Range | None
    uncertainty_m: float | None
    cameras: dict[str, str] = field(default_factory=dict)
    kind: Parent = "deployment"

    def to_plain(self) -> dict[str, Any]:
        """Return the share as JSON values."""
        return {
            "parent_id": self.parent_id,
            "start_at": to_time_text(self.start_at),
            "end_at": to_time_text(self.end_at),
            "lat_deg": self.lat_deg,
            "lon_deg": self.lon_deg,
            "depths_m": self.depths_m,
            "uncertainty_m": self.uncertainty_m,
            "cameras": self.cameras,
            "kind": self.kind,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Return the share that was written as JSON values."""
        ranges = {name: tuple(plain[name]) if plain[name] else None for name in ("lat_deg", "lon_deg", "depths_m")}
        times = {name: dt.datetime.fromisoformat(plain[name]) for name in ("start_at", "end_at")}
        return cls(**{**plain, **ranges, **times})

    def widen(self, other: DeploymentShare) -> None:
        """Take in another share of the same parent; the order of shares does not matter."""
        self.start_at, self.end_at = min(self.start_at, other.start_at), max(self.end_at, other.end_at)
        self.lat_deg, self.lon_deg = _span(self.lat_deg, other.lat_deg), _span(self.lon_deg, other.lon_deg)
        known = self.depths_m is not None and other.depths_m is not None
        self.depths_m = _span(self.depths_m, other.depths_m) if known else None
        radii = [value for value in (self.uncertainty_m, other.uncertainty_m) if value is not None]
        self.uncertainty_m = max(radii, default=None)
        for camera, uri in other.cameras.items():
            self.cameras[camera] = max(uri, self.cameras.get(camera, ""))

    def to_place(self) -> Place:
        """Return the one position, or the centre of several with the distance to the farthest corner as uncertainty."""
        south, north = self.lat_deg
        west, east = self.lon_deg
        lat_deg, lon_deg, uncertainty_m = south, west, self.uncertainty_m
        if self.has_moved:
            lat_deg, lon_deg = (south + north) / 2, (west + east) / 2
            corners = [(lat, lon) for lat in self.lat_deg for lon in self.lon_deg]
            radius_m = max(to_distance_m((lat_deg, lon_deg), corner) for corner in corners)
            uncertainty_m = float(math.ceil(radius_m + (uncertainty_m or 0)))
        shallow, deep = self.depths_m or (None, None)
        return Place(lat_deg, lon_deg, shallow, deep, uncertainty_m)

    @property
    def has_moved(self) -> bool:
        """Whether the events have more than one position."""
        return self.lat_deg[0] != self.lat_deg[1] or self.lon_deg[0] != self.lon_deg[1]

    def to_event_row(self) -> Row:
        """Return the row of the parent event."""
        row = {"eventID": self.parent_id, "eventType": self.kind}
        row |= to_date_cells(self.start_at, self.end_at) | to_place_cells(self.to_place())
        is_visit = self.kind == "stationVisit"
        named = ", ".join(to_cell(camera) for camera in sorted(self.cameras))
        row["samplingProtocol"] = "Water samples" if is_visit else f"Pictures and clips ({named})"
        if self.has_moved:
            who = "The samples" if is_visit else "The camera"
            row["locationRemarks"] = f"{who} had several positions; this circle holds them, each event has its own"
        return row

    def to_measurements(self) -> list[Row]:
        """Return the sampling instrument, one row per camera; that of a sample stands with the sample."""
        if self.kind != "deployment":
            return []
        rows = []
        for camera, uri in sorted(self.cameras.items()):
            row = make_measurement(self.parent_id, "", "NMSPINST", to_cell(camera))
            name = {"measurementID": f"{row['measurementID']}:{quote(camera, safe='')}"}
            rows.append(row | name | {"measurementValueID": uri})
        return sorted(rows, key=lambda row: row["measurementID"])


def make_share(scene: Scene) -> DeploymentShare:
    """Return what one event adds to its deployment."""
    place = scene.place
    depths = [value for value in (place.depth_min_m, place.depth_max_m) if value is not None]
    return DeploymentShare(
        parent_id=scene.parent_id,
        start_at=scene.start_at,
        end_at=scene.end_at,
        lat_deg=(place.lat_deg, place.lat_deg),
        lon_deg=(place.lon_deg, place.lon_deg),
        depths_m=(min(depths), max(depths)) if depths else None,
        uncertainty_m=place.uncertainty_m,
        cameras={scene.camera: scene.camera_uri or ""},
    )


def _span(one: Range | None, two: Range | None) -> Range:
    ends = [end for known in (one, two) if known is not None for end in known]
    return min(ends), max(ends)


def to_distance_m(one: tuple[float, float], two: tuple[float, float]) -> float:
    """Return the great-circle distance between two (latitude, longitude) in degrees, by the haversine formula."""
    lat_one, lat_two = math.radians(one[0]), math.radians(two[0])
    half_lat, half_lon = (lat_two - lat_one) / 2, math.radians(two[1] - one[1]) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_one) * math.cos(lat_two) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))
