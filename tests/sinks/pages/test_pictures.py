"""What annotated pictures show, at every size and for every shape."""

from __future__ import annotations

import io

import numpy as np
import PIL
import pytest
from PIL import Image

from schemas.errors import RejectedInput
from schemas.finding import Finding
from schemas.forms.runlength import encode_mask
from schemas.geometry import Box, Line, Mask, Point, Polygon, Whole
from sinks.pages import pixels
from sinks.pages.palette import COLOURS, choose_colour, choose_ink, measure_contrast
from sinks.pages.pictures import crop, draw, draw_jpeg
from sinks.pages.placing import choose_style, place_label


def make_finding(geometry, *, label="fish", score=0.5):
    return Finding(n=0, by="yolo", label=label, score=score, geometry=geometry)


def make_picture(width_px=640, height_px=480, value=90):
    return np.full((height_px, width_px, 3), value, dtype=np.uint8)


def find_changes(before, after):
    return np.abs(before.astype(int) - after).max(axis=2) > 0


def make_mask():
    rows, columns = np.mgrid[0:60, 0:100]
    inside = ((rows - 30) / 30) ** 2 + ((columns - 50) / 50) ** 2 < 1
    return Mask(x_px=200, y_px=150, width_px=100, height_px=60, rle=encode_mask(inside))


SHAPES = {
    "box": Box(xyxy=(200, 150, 300, 210)),
    "mask": make_mask(),
    "polygon": Polygon(polygons=((((200, 150), (300, 160), (250, 210)),),)),
    "two polygons": Polygon(
        polygons=((((200, 150), (220, 160), (210, 180)),), (((260, 180), (300, 180), (280, 210)),))
    ),
    "polygon of two corners": Polygon(polygons=((((200, 150), (300, 210)),),)),
    "line": Line(points=((200, 150), (260, 160), (300, 210))),
    "point": Point(xy=(250, 180)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_drawn_where_it_is_and_nowhere_else(shape):
    picture = make_picture()
    drawn = draw(picture, (make_finding(SHAPES[shape]),))
    changed = find_changes(picture, drawn)
    assert changed[145:215, 195:305].any()
    changed[100:240, 180:420] = False  # the shape and its label
    assert not changed.any()
    assert (drawn == choose_colour("fish")).all(axis=2).any()


def test_a_finding_of_the_whole_picture_frames_it():
    picture = make_picture()
    changed = find_changes(picture, draw(picture, (make_finding(Whole()),)))
    assert changed[0].all()
    assert changed[-1].all()
    assert not changed[100:400, 100:500].any()


def test_the_picture_given_is_not_written_to():
    picture = make_picture()
    picture.setflags(write=False)
    draw(picture, (make_finding(SHAPES["box"]),), caption="here", is_demonstration=True)
    assert (picture == 90).all()


def test_without_findings_and_words_a_picture_stays_as_it_is():
    picture = np.random.default_rng(1).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    assert np.array_equal(draw(picture, ()), picture)


@pytest.mark.parametrize("size", [(1, 1), (25, 27), (160, 120), (640, 480), (2688, 1520), (5000, 300)])
def test_labels_are_readable_and_inside_whatever_the_size(size):
    width_px, height_px = size
    corners = [(0, 0), (width_px, 0), (0, height_px), (width_px, height_px)]
    boxes = [Box(xyxy=(max(x - 5, 0), max(y - 5, 0), min(x + 5, width_px), min(y + 5, height_px))) for x, y in corners]
    drawn = draw(make_picture(*size), tuple(make_finding(box, label="Diplodus vulgaris") for box in boxes))
    assert 320 <= max(drawn.shape[:2]) <= 4096
    style = choose_style(drawn.shape[1], drawn.shape[0])
    assert style.text_px >= 11
    assert style.text_px >= 0.015 * max(drawn.shape[:2]) or style.text_px == 64
    high, wide = drawn.shape[:2]
    for target in ((0, 0, 5, 5), (wide - 5, 0, wide, 5), (0, high - 5, 5, high), (wide - 5, high - 5, wide, high)):
        left, top, right, bottom = place_label(target, (min(80, wide), min(14, high)), (wide, high), [])
        assert left >= 0
        assert top >= 0
        assert right <= wide
        assert bottom <= high


def test_labels_do_not_hide_each_other_while_there_is_room():
    taken = []
    for number in range(6):
        target = (300 + number, 200 + number, 340 + number, 220 + number)
        place = place_label(target, (60, 15), (640, 480), taken)
        assert not any(
            place[0] < other[2] and other[0] < place[2] and place[1] < other[3] and other[1] < place[3]
            for other in taken
        )
        taken.append(place)


def test_a_label_too_long_for_the_picture_is_cut_and_its_score_kept():
    drawn = draw(make_picture(330, 330), (make_finding(Box(xyxy=(50, 100, 90, 130)), label="very " * 30, score=0.87),))
    ground = (drawn == choose_colour("very " * 30)).all(axis=2)
    columns = np.nonzero(ground.any(axis=0))[0]
    assert 250 < columns.max() - columns.min() <= 330


@pytest.mark.parametrize("colour", COLOURS)
def test_labels_can_be_read_on_their_colour(colour):
    assert measure_contrast(choose_ink(colour), colour) >= 4.5


def test_a_label_has_one_colour_everywhere():
    assert choose_colour("Chromis chromis") == choose_colour("Chromis chromis")
    assert len({choose_colour(f"label {number}") for number in range(60)}) == len(COLOURS)


def test_a_picture_of_a_demonstration_model_says_so():
    picture = make_picture()
    plain, told = draw(picture, ()), draw(picture, (), is_demonstration=True)
    changed = find_changes(plain, told)
    assert changed[-12:, :150].mean() > 0.9
    assert not changed[:-24].any()


def test_a_caption_stands_at_the_lower_edge():
    changed = find_changes(make_picture(), draw(make_picture(), (), caption="camera 1, 2024-06-12 10:00 UTC"))
    assert changed[-10:].any()
    assert not changed[:-24].any()


def test_the_jpeg_is_one():
    data = draw_jpeg(make_picture(), (make_finding(SHAPES["box"]),), is_demonstration=True)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 480))


def test_many_findings_are_drawn_soon():
    boxes = [Box(xyxy=(x, y, x + 8, y + 8)) for x in range(0, 600, 20) for y in range(0, 460, 20)]
    drawn = draw(make_picture(), tuple(make_finding(box) for box in boxes))
    assert find_changes(make_picture(), drawn).mean() > 0.2


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((100, 100, 200, 150), (60, 120)),
        ((0, 0, 100, 50), (55, 110)),
        ((600, 440, 640, 480), (44, 44)),
        ((10, 10, 10, 10), (1, 1)),
    ],
)
def test_a_crop_has_a_margin_and_stays_in_the_picture(box, expected):
    assert crop(make_picture(), make_finding(Box(xyxy=box))).shape == (*expected, 3)


def test_the_crop_of_a_whole_picture_is_the_picture():
    assert crop(make_picture(), make_finding(Whole())).shape == (480, 640, 3)


# --- the door to Pillow ---


def list_pillow_exceptions():
    found = [getattr(module, name) for module in (PIL, Image) for name in dir(module)]
    kinds = {kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)}
    return sorted(
        (kind for kind in kinds if kind.__module__.startswith("PIL") and not issubclass(kind, Warning)), key=str
    )


def test_pillow_has_exception_classes_to_look_at():
    assert {kind.__name__ for kind in list_pillow_exceptions()} >= {"UnidentifiedImageError", "DecompressionBombError"}


@pytest.mark.parametrize("kind", [*list_pillow_exceptions(), OSError, ValueError, SyntaxError])
def test_what_pillow_raises_rejects_the_picture(kind):
    with pytest.raises(RejectedInput) as caught, pixels.translate():
        raise kind("boom")
    assert caught.value.reason == "unusable_pixels"
    assert isinstance(caught.value.__cause__, kind)


def test_a_picture_too_large_for_jpeg_is_refused():
    with pytest.raises(RejectedInput):
        pixels.encode_jpeg(np.zeros((1, 70_000, 3), dtype=np.uint8))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8\xff"])
def test_bytes_that_are_no_picture_are_refused(data):
    with pytest.raises(RejectedInput):
        pixels.decode(data, most_px=100)
