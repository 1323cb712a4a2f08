"""The static summary page, and the door to jinja2: one folder, no network, no script, readable on a phone and in print."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.errors import FatalFault, RejectedInput, TransientFault
from sinks.pages import pixels
from sinks.pages.charts import draw_counts, name_step
from sinks.pages.palette import choose_colour, to_hex
from sinks.pages.tally import count

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from sinks.pages.summary import Entry, Summary
    from sinks.pages.tally import Tally

#: Beside the page; nothing else may be in it, for what the page no longer shows is removed.
FILES_FOLDER = "index_files"

PAGE_NAME = "index.html"

#: Longer sides of the pictures shown: in the gallery, and behind it.
_THUMBNAIL_PX, _PICTURE_PX = 480, 1920

#: Pictures of one unit that are shown.
_PICTURES_LIMIT = 8

#: Labels named under a picture.
_LABELS_LIMIT = 6

#: Widths of the chart: for wide screens and for phones.
_WIDE, _NARROW = 960, 380

_TEMPLATES = Path(__file__).parent / "templates"


@contextmanager
def translate() -> Iterator[None]:
    """Turn jinja2's exceptions into ours.

    Raises
    ------
    FatalFault
        The template is wrong: no page can be made until it is mended.
    """
    try:
        yield
    except jinja2.TemplateError as error:
        sentence = f"The summary page could not be made: {error}"
        raise FatalFault(sentence) from error


@dataclass(frozen=True, slots=True)
class Card:
    """One unit of the gallery: the entry, and its pictures as pairs of thumbnail and full size."""

    entry: Entry
    pictures: tuple[tuple[str, str], ...]
    alt: str
    chips: tuple[tuple[str, int, str], ...]
    chips_left_out: int


def write_page(summary: Summary, folder: Path, read_picture: Callable[[str], bytes]) -> Path:
    """Write ``index.html`` and its pictures into ``folder``, and return the path of the page.

    The page is put in place last, whole. Pictures of an earlier page that are no longer shown are removed.

    Parameters
    ----------
    folder
        Made if it is not there; may be copied or sent anywhere as it is.
    read_picture
        Bytes of an annotated picture by its object key. A picture that is gone or unreadable is left out.

    Raises
    ------
    FatalFault
        If the page cannot be made or written.
    """
    tally = count(summary.entries, newest=summary.newest)
    try:
        files = folder / FILES_FOLDER
        files.mkdir(parents=True, exist_ok=True)
        shown = tally.list_newest()
        cards = [_make_card(entry, place, files, read_picture) for place, entry in enumerate(shown)]
        page = folder / PAGE_NAME
        _replace(page, render(summary, tally, cards).encode())
        _remove_others(files, {Path(name).name for card in cards for pair in card.pictures for name in pair})
    except OSError as error:
        message = f"The summary page could not be written: {error.strerror or type(error).__name__}."
        raise FatalFault(message) from error
    return page


def render(summary: Summary, tally: Tally, cards: list[Card]) -> str:
    """Return the page as HTML."""
    series = tally.make_series()
    labels = sorted(tally.labels.items(), key=lambda pair: (-pair[1], pair[0]))
    values: dict[str, Any] = {
        "summary": summary,
        "tally": tally,
        "cards": cards,
        "labels": labels,
        "series": series,
        "step": name_step(series.step) if series else "",
        "gaps": sum(found is None for found in series.bins) if series else 0,
        "charts": [draw_counts(series, labels, width=width) for width in (_WIDE, _NARROW)] if series else [],
        "reasons": Counter(aside.reason for aside in summary.aside).most_common(),
        "is_demonstration": bool(tally.demonstrations)
        or any(model.provenance == "demonstration" for model in summary.models),
    }
    with translate():
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(moment=_name_moment, number=_name_number, colour=_name_colour)
        return environment.get_template("summary.html.j2").render(values)


def _make_card(entry: Entry, place: int, files: Path, read_picture: Callable[[str], bytes]) -> Card:
    made = []
    for number, key in enumerate(entry.pictures[:_PICTURES_LIMIT]):
        with suppress(RejectedInput, TransientFault, FileNotFoundError, KeyError):
            made.append(_copy_picture(read_picture(key), files, f"{place:04d}-{number}"))
    labels = sorted(entry.labels, key=lambda pair: (-pair[1], pair[0]))
    chips = tuple((label, found, to_hex(choose_colour(label))) for label, found in labels[:_LABELS_LIMIT])
    return Card(entry, tuple(made), _describe(entry), chips, max(len(labels) - _LABELS_LIMIT, 0))


def _copy_picture(data: bytes, files: Path, name: str) -> tuple[str, str]:
    """Write thumbnail and picture, and return their links."""
    whole = pixels.decode(data, most_px=_PICTURE_PX)
    height_px, width_px = whole.shape[:2]
    scale = min(1.0, _THUMBNAIL_PX / max(height_px, width_px))
    size = {"width_px": max(round(width_px * scale), 1), "height_px": max(round(height_px * scale), 1)}
    small = pixels.resize(whole, **size, how="smooth")
    _replace(files / f"{name}-small.jpg", pixels.encode_jpeg(small, quality=82))
    _replace(files / f"{name}.jpg", pixels.encode_jpeg(whole))
    return f"{FILES_FOLDER}/{name}-small.jpg", f"{FILES_FOLDER}/{name}.jpg"


def _describe(entry: Entry) -> str:
    """Return in words what a picture shows, for those who do not see it."""
    found = ", ".join(f"{number} {label}" for label, number in entry.labels[:_LABELS_LIMIT]) or "nothing found"
    return f"{entry.kind} of {entry.feed}, {_name_moment(entry.captured_at)}: {found}"


def _name_moment(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "undated"


def _name_number(value: int) -> str:
    """Return a number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _name_colour(label: str) -> str:
    return to_hex(choose_colour(label))


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)


def _remove_others(files: Path, kept: set[str]) -> None:
    for path in files.glob("*.jpg"):
        if path.name not in kept:
            path.unlink(missing_ok=True)
