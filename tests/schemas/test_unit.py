"""Units of one part, of several, and of more than a message takes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.canonical import to_sha256
from schemas.geometry import Nowhere
from schemas.unit import Manifest, Part, Undated, Unit, make_content, make_stamp


def make_part(role, data=b"x"):
    digest = to_sha256(data)
    return Part(role=role, name=f"{role}.bin", media_type="", size_bytes=len(data), sha256=digest, at=f"o/{digest}")


def make_unit(**parts):
    stamp = make_stamp(
        installation="flowcam", feed="lab", kind="run", captured=Undated(why="not_said"), content=to_sha256(b"")
    )
    return Unit(
        stamp=stamp,
        captured_from="nothing",
        group="run-1",
        layout="visualspreadsheet",
        where=Nowhere(why="sample_sheet"),
        instrument="flowcam",
        **parts,
    )


MANIFEST = Manifest(at="manifests/ab/ab.json", sha256=to_sha256(b"m"), count=900, size_bytes=12_345)


def test_a_part_may_be_one_of_several_of_its_kind():
    assert make_part("collage.2").role == "collage.2"
    with pytest.raises(ValidationError):
        make_part("collage.")


def test_a_unit_weighs_what_its_parts_weigh_wherever_they_are_listed():
    assert make_unit(parts=(make_part("list", b"abc"), make_part("collage.1", b"de"))).size_bytes == 5
    assert make_unit(manifest=MANIFEST).size_bytes == 12_345


def test_a_unit_is_called_as_its_only_file_and_one_of_several_as_its_group():
    assert make_unit(parts=(make_part("archive"),)).name == "archive.bin"
    assert make_unit(parts=(make_part("list"), make_part("collage.1"))).name == "run-1"
    assert make_unit(manifest=MANIFEST).name == "run-1"


@pytest.mark.parametrize("parts", [{}, {"parts": (make_part("list"),), "manifest": MANIFEST}])
def test_a_unit_that_lists_its_parts_nowhere_or_twice_is_refused(parts):
    with pytest.raises(ValidationError, match="a unit has parts, or a manifest"):
        make_unit(**parts)


def test_a_units_json_says_the_same_again_and_nothing_of_what_is_absent():
    unit = make_unit(manifest=MANIFEST)
    assert Unit.from_json(unit.to_canonical()) == unit
    assert "manifest" not in make_unit(parts=(make_part("list"),)).to_plain()


def test_the_content_of_several_parts_is_the_same_in_any_order():
    one, two = make_part("list", b"1"), make_part("collage.1", b"2")
    assert make_content((one, two)) == make_content((two, one)) != make_content((one,))
