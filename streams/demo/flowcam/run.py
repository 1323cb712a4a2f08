"""A generated FlowCam run: as many particles as wanted, in as many collages as that takes, and the truth of each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from streams.demo.flowcam.papers import LOCAL_OFFSET, write_classes, write_context, write_report, write_summary
from streams.demo.flowcam.shapes import FRINGE_PX, PIXEL_UM, SHIFT, Kind, Shape, make_shapes
from streams.feeds.runs.visualspreadsheet.papers.volume import Geometry, compute_factor

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from schemas.sampling.run import Mode

#: Size of a collage, and the gap between its cut-outs.
COLLAGE_PX, GAP_PX = (1292, 964), 2

#: Columns of a list and their types, in the order of format 017.
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        ("id", "image_x", "image_y", "image_w", "image_h", "src_x", "src_y", "src_image", "cal_image", "ppc", "camera"),
        "int32",
    ),
    **dict.fromkeys(("cal_const", "fringe_size", "raw_area", "raw_feret_max", "raw_feret_min"), "double"),
    **dict.fromkeys(("raw_feret_mean", "raw_perimeter", "raw_convex_perimeter"), "double"),
    **dict.fromkeys(("raw_legendre_major", "raw_legendre_minor", "abd_area", "abd_diameter", "length"), "double"),
    **dict.fromkeys(("width", "esd_diameter", "fd_diameter", "perimeter", "convex_perimeter", "intensity"), "double"),
    **dict.fromkeys(("sigma_intensity", "sum_intensity", "compactness", "elongation", "roughness"), "double"),
    **dict.fromkeys(("elapsed_time", "raw_convex_hull_area", "raw_filled_area", "filled_area"), "double"),
    **dict.fromkeys(("feret_max_angle", "feret_min_angle", "avg_red", "avg_green", "avg_blue"), "double"),
    **dict.fromkeys((f"ch{channel}_{what}" for channel in (1, 2, 3) for what in ("peak", "width", "area")), "double"),
    "timestamp": "timestamp",
    "collage_file": "string",
    "image_id": "guid",
}

#: Columns that move with a particle's brightness.
_BRIGHT = ("intensity", "avg_red", "avg_green", "avg_blue")

#: TIFF 6.0: LZW.
_LZW = [cv2.IMWRITE_TIFF_COMPRESSION, 5]

#: Shapes of one run.
_SHAPES = 240


@dataclass(frozen=True)
class RunPlan:
    """What is to be generated.

    Attributes
    ----------
    particles
        How many the run has; :func:`draw_plan` draws them for a concentration.
    frames
        Pictures of the whole field.
    columns
        Columns of the list in their order; those that a reader needs must be among them.
    masks, edges, table
        Whether binary collages, outlines and the exported table are written.
    """

    particles: int = 1_000
    seed: int = 0
    name: str = "generated-run"
    mode: Mode = "auto_image"
    frames: int = 889
    frame_rate_hz: float = 17.0
    dilution: float = 1.0
    pixel_um: float = PIXEL_UM
    depth_um: float = 100.0
    width_um: float = 2_000.0
    flow_rate_ml_min: float = 0.15
    region_px: tuple[int, int] = (1_278, 958)
    started_at: dt.datetime = dt.datetime(2024, 4, 8, 8, 14, 1, tzinfo=dt.UTC)
    columns: Sequence[str] = tuple(COLUMNS)
    masks: bool = True
    edges: bool = False
    table: bool = False

    @cached_property
    def duration_s(self) -> float:
        """Seconds the camera looked, to the millisecond that is written down."""
        return round(self.frames / self.frame_rate_hz, 3)

    @cached_property
    def factor(self) -> float:
        """Share of the imaged volume that was not imaged twice."""
        mean_cm_s = self.flow_rate_ml_min / 60.0 / (self.width_um * self.depth_um / 1e8)
        critical_cm_s = self.region_px[1] * self.pixel_um / 1e4 * self.frames / self.duration_s
        return compute_factor(mean_cm_s / critical_cm_s)

    @cached_property
    def imaged_ml(self) -> float:
        """Volume before the camera."""
        fields = Geometry(self.frames, self.region_px, self.pixel_um, self.depth_um)
        return fields.compute_volume_ml() * self.factor

    @cached_property
    def processed_ml(self) -> float:
        """Volume through the flow cell."""
        return self.flow_rate_ml_min / 60.0 * self.duration_s

    @property
    def counted_ml(self) -> float:
        """The volume that the particles were in."""
        return self.imaged_ml if self.mode == "auto_image" else self.processed_ml


def draw_plan(plan: RunPlan, per_ml: float) -> RunPlan:
    """Return a plan with as many particles as a run finds in water that holds ``per_ml``, diluted as the plan says.

    The number is Poisson distributed about ``per_ml / dilution`` times the counted volume.
    """
    rng = np.random.default_rng([plan.seed, 0xD0])
    return replace(plan, particles=int(rng.poisson(per_ml / plan.dilution * plan.counted_ml)))


@dataclass(frozen=True, slots=True)
class TrueParticle:
    """What is planted.

    Attributes
    ----------
    columns
        What its row says, as printed.
    """

    index: int
    name: str
    kind: Kind
    collage: int
    x_px: int
    y_px: int
    frame: int
    field_px: tuple[int, int]
    offset_s: float
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    outlines: tuple[tuple[int, int, str], ...]
    columns: Mapping[str, str]


@dataclass(frozen=True)
class GeneratedRun:
    """A run before it is written: its particles can be walked through any number of times, always the same."""

    plan: RunPlan
    shapes: tuple[Shape, ...] = field(repr=False)

    def particles(self) -> Iterator[TrueParticle]:
        """Yield the particles in the order of the list."""
        plan = self.plan
        rng = np.random.default_rng([plan.seed, 0xA11])
        picks = rng.integers(0, len(self.shapes), plan.particles)
        shifts = rng.integers(-SHIFT, SHIFT + 1, plan.particles)
        frames = np.sort(rng.integers(1, plan.frames + 1, plan.particles))
        corners = rng.random((plan.particles, 2))
        names = rng.bytes(16 * plan.particles).hex().upper()
        texts = [{name: f"{value:.4f}" for name, value in shape.columns.items()} for shape in self.shapes]
        shelf = _Shelf()
        for place in range(plan.particles):
            shape, shift = self.shapes[picks[place]], int(shifts[place])
            height_px, width_px = shape.mask.shape
            collage, x_px, y_px = shelf.lay(width_px, height_px)
            frame = int(frames[place])
            room_px = (COLLAGE_PX[0] - width_px, COLLAGE_PX[1] - height_px)
            field_px = (int(corners[place, 0] * room_px[0]), int(corners[place, 1] * room_px[1]))
            guid = names[32 * place : 32 * place + 32]
            true = TrueParticle(
                index=place + 1,
                name=f"{guid[:8]}-{guid[8:12]}-{guid[12:16]}-{guid[16:20]}-{guid[20:]}",
                kind=shape.kind,
                collage=collage,
                x_px=x_px,
                y_px=y_px,
                frame=frame,
                field_px=field_px,
                offset_s=round(frame / plan.frame_rate_hz, 4),
                pixels=(shape.pixels.astype(np.int16) + shift).astype(np.uint8),
                mask=shape.mask,
                outlines=shape.outlines,
                columns=_brighten(texts[picks[place]], shape, shift),
            )
            yield true

    def to_collage_name(self, collage: int) -> str:
        """Return the file of a collage, counted from 1."""
        return f"{self.plan.name}_{collage:06d}.tif"

    def to_row(self, true: TrueParticle) -> str:
        """Return a particle's row of the list."""
        height_px, width_px = true.mask.shape
        moment = self.plan.started_at + LOCAL_OFFSET + dt.timedelta(seconds=true.offset_s)
        own = {
            "id": str(true.index),
            "image_x": str(true.x_px),
            "image_y": str(true.y_px),
            "image_w": str(width_px),
            "image_h": str(height_px),
            "src_x": str(true.field_px[0]),
            "src_y": str(true.field_px[1]),
            "src_image": str(true.frame),
            "cal_image": "1",
            "ppc": str(len(true.outlines)),
            "camera": "0",
            "cal_const": f"{self.plan.pixel_um:.4f}",
            "fringe_size": f"{FRINGE_PX:.4f}",
            "elapsed_time": f"{true.offset_s:.4f}",
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}",
            "collage_file": self.to_collage_name(true.collage),
            "image_id": true.name,
        }
        values = {**true.columns, **own}
        return "|".join([values.get(column, "0.0000") for column in self.plan.columns])

    def to_header(self) -> str:
        """Return the header of the list."""
        columns = "".join(f"{name}|{COLUMNS[name]}\n" for name in self.plan.columns)
        return f"017\nnum-fields|{len(self.plan.columns)}\n{columns}"


def _brighten(texts: dict[str, str], shape: Shape, shift: int) -> dict[str, str]:
    """Return what is printed of a shape when it is so much brighter."""
    columns = dict(texts)
    for name in _BRIGHT:
        columns[name] = f"{shape.columns[name] + shift:.4f}"
    columns["sum_intensity"] = f"{shape.columns['sum_intensity'] + shift * shape.columns['raw_area']:.4f}"
    return columns


@dataclass(slots=True)
class _Shelf:
    """Lays cut-outs side by side, row under row, collage after collage."""

    collage: int = 1
    x_px: int = 0
    y_px: int = 0
    row_px: int = 0

    def lay(self, width_px: int, height_px: int) -> tuple[int, int, int]:
        if self.x_px + width_px > COLLAGE_PX[0]:
            self.x_px, self.y_px, self.row_px = 0, self.y_px + self.row_px + GAP_PX, 0
        if self.y_px + height_px > COLLAGE_PX[1]:
            self.collage, self.x_px, self.y_px, self.row_px = self.collage + 1, 0, 0, 0
        place = (self.collage, self.x_px, self.y_px)
        self.x_px += width_px + GAP_PX
        self.row_px = max(self.row_px, height_px)
        return place


def make_run(plan: RunPlan) -> GeneratedRun:
    """Return the run of a plan; the same plan gives the same run, byte for byte."""
    return GeneratedRun(plan, make_shapes(min(_SHAPES, max(plan.particles, 5)), plan.seed))


def write_run(plan: RunPlan, folder: Path) -> GeneratedRun:
    """Write a run into a folder, which is made, and return it.

    One collage is in memory at a time.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    run = make_run(plan)
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, list[int]] = {}
    with (folder / f"{plan.name}.lst").open("w", encoding="ascii", newline="\n") as rows:
        rows.write(run.to_header())
        easel = _Easel(run, folder)
        for true in run.particles():
            rows.write(run.to_row(true) + "\n")
            easel.paint(true)
            kinds.setdefault(true.kind, []).append(true.index)
        easel.finish()
    for ending, text in (
        (".ctx", write_context(plan)),
        ("_summary.csv", write_summary(plan)),
        ("_run_summary.txt", write_report(plan)),
        (".cla", write_classes(kinds)),
    ):
        (folder / f"{plan.name}{ending}").write_text(text, encoding="ascii", newline="")
    _write_joined(run, folder)
    return run


def _write_joined(run: GeneratedRun, folder: Path) -> None:
    """Write outlines and table, where they are wanted."""
    if run.plan.edges:
        with (folder / f"{run.plan.name}.edg").open("w", encoding="ascii", newline="\r\n") as file:
            for true in run.particles():
                for x_px, y_px, codes in true.outlines:
                    start = (x_px + true.field_px[0], y_px + true.field_px[1])
                    file.write(f"{true.index},{len(codes)},{start[0]},{start[1]},{codes}\n")
    if run.plan.table:
        with (folder / f"{run.plan.name}.csv").open("w", encoding="ascii", newline="\n") as file:
            file.write("Particle ID,Geodesic Length,Geodesic Thickness,Image File\n")
            for true in run.particles():
                length, width = true.columns["length"], true.columns["width"]
                file.write(f"{true.index},{length},{width},{run.to_collage_name(true.collage)}\n")


class _Easel:
    """Paints collages and their masks, and writes each when the next one begins."""

    def __init__(self, run: GeneratedRun, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._number = 0
        self._sheet = np.zeros((COLLAGE_PX[1], COLLAGE_PX[0], 3), np.uint8)
        self._mask = np.zeros((COLLAGE_PX[1], COLLAGE_PX[0]), np.uint8)

    def paint(self, true: TrueParticle) -> None:
        if true.collage != self._number:
            self.finish()
            self._number = true.collage
            self._sheet[:], self._mask[:] = 0, 0
        height_px, width_px = true.mask.shape
        place = (slice(true.y_px, true.y_px + height_px), slice(true.x_px, true.x_px + width_px))
        self._sheet[place] = true.pixels[:, :, ::-1]  # OpenCV writes blue first
        self._mask[place] = true.mask * np.uint8(255)

    def finish(self) -> None:
        if not self._number:
            return
        name = self._run.to_collage_name(self._number)
        (self._folder / name).write_bytes(cv2.imencode(".tif", self._sheet, _LZW)[1].tobytes())
        if self._run.plan.masks:
            mask = cv2.imencode(".tif", self._mask, _LZW)[1].tobytes()
            (self._folder / name.replace(".tif", "_bin.tif")).write_bytes(mask)
