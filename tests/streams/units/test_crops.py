"""Findings of a camera kept as pictures of their own, where the settings ask for it."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.scripted import ScriptedDetector
from schemas.finding import Finding, number_findings
from schemas.geometry import Box, Whole
from schemas.result import MASKED
from sinks.pages.pictures import crop_jpeg
from sinks.results import Picturing
from tests.streams.units.places import FakeReader, Kit, make_order, read_announced


def find_several(view):
    """Report a small box, a large one, one that a mask hides, and the whole picture."""
    boxes = [((2, 2, 6, 6), 0.9, ()), ((0, 0, 10, 10), 0.8, ()), ((8, 8, 12, 12), 0.7, (MASKED,))]
    found = [
        Finding(n=0, by="method", label="bright", score=score, geometry=Box(xyxy=xyxy), flags=flags)
        for xyxy, score, flags in boxes
    ]
    return number_findings([*found, Finding(n=0, by="method", label="sea", score=0.6, geometry=Whole())])


def make_kit(folder, crops, **options):
    picturing = Picturing("none", 0, crops)
    return Kit(folder, detector=ScriptedDetector(find_several), picturing=picturing, cut=crop_jpeg, **options)


def list_crops(kit, order):
    announced, _, _ = read_announced(kit.process(order))
    return {asset.key.rpartition("/")[2]: asset for asset in announced.products if asset.role == "crop"}


def test_each_finding_that_counts_and_is_not_the_whole_is_kept_with_a_tenth_of_room_around_it(tmp_path):
    kit = make_kit(tmp_path, 20)
    crops = list_crops(kit, make_order())
    assert set(crops) == {"0-1.jpg", "0-2.jpg", "1-1.jpg", "1-2.jpg"}, (
        "named by image and finding, of which the whole is the first"
    )
    sizes = {}
    for name, asset in crops.items():
        data = kit.store.read(asset.key)
        assert asset.media_type == "image/jpeg"
        sizes[name] = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    # 4 pixels and 0.4 on each side, cut at whole pixels; 10 pixels and 1 on each side, cut at the picture's edge
    assert sorted((sizes["0-1.jpg"], sizes["0-2.jpg"])) == [(6, 6), (11, 11)]


def test_no_more_than_asked_for_are_kept_of_a_unit_the_first_ones(tmp_path):
    assert set(list_crops(make_kit(tmp_path, 3), make_order())) == {"0-1.jpg", "0-2.jpg", "1-1.jpg"}


def test_none_are_kept_where_none_are_asked_for_or_none_is_found(tmp_path):
    assert list_crops(make_kit(tmp_path / "one", 0), make_order()) == {}
    empty = Kit(tmp_path / "two", reader=FakeReader((10,)), picturing=Picturing("none", 0, 5), cut=crop_jpeg)
    assert list_crops(empty, make_order()) == {}


def test_done_twice_they_are_the_same_bytes(tmp_path):
    def read_all(kit):
        kit.process(make_order())
        return {key: kit.store.read(key) for key in kit.list_keys() if "/crops/" in key}

    assert read_all(make_kit(tmp_path / "one", 9)) == read_all(make_kit(tmp_path / "two", 9)) != {}
