"""Packs of particles as their reader sees them: views whose pixels lie in the pack's slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.base import View
from schemas.finding import Image, UnreadImage
from schemas.forms.quantities import to_measures
from streams.feeds.decoding.channel.packing import look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.decoding.channel.arena import Slot
    from streams.feeds.decoding.channel.wire import Message


def unpack(message: Message, slot: Slot | None) -> Iterator[View | UnreadImage]:
    """Yield what a pack holds, in its order; the pixels of a view lie in the slot.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the message makes no sense.
    """
    for item in message["items"]:
        if "unread" in item:
            yield UnreadImage(index=item["index"], reason=item["unread"])
            continue
        image = Image.model_validate(item["image"])
        if slot is None:
            reason = "a picture without pixels"
            raise ValueError(reason)
        pixels = look(slot, int(item["at"]), (image.height_px, image.width_px))
        pixels.flags.writeable = False
        yield View(image, pixels, to_measures(item["measures"]))
