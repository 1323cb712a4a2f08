from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from schemas.errors import FatalFault
from streams.usage.closing import verify as verify_module
from streams.usage.closing.close import close_period
from streams.usage.closing.merkle import BLOCK_BYTES
from streams.usage.closing.seal import BLOCKS_FILE, SEAL_FILE, hash_folder, to_blocks_text
from streams.usage.closing.verify import Difference, verify_folder
from streams.usage.meter import Meter
from tests.streams.usage.closing.closings import (
    LATER_AT,
    PDF,
    close,
    flip,
    list_uses,
    make_request,
    read_files,
    write_inputs,
)
from tests.streams.usage.uses import keep, make_record, make_use

#: Of a restatement, which has every kind of file.
_FILES = (
    "SEAL.json", "blocks.txt", "changes.md", "inputs.json", "previous/SEAL.json", "previous/report/assessment.csv",
    "previous/report/assessment.html", "previous/report/assessment.json", "previous/report/assessment.md",
    "previous/report/counter-dsr.json", "previous/report/usage.csv", "previous/report/usage.json",
    "previous/report/usage.md", "report/assessment.csv", "report/assessment.docx", "report/assessment.html",
    "report/assessment.json", "report/assessment.md", *PDF, "report/counter-dsr.json", "report/usage.csv",
    "report/usage.json", "report/usage.md", "robots.json", "sheets/obsea.toml",
    "usage/facts/sealed/usage.recorded.v1/0/0000000000000000000.parquet",
    "usage/rejected/sealed/usage.recorded.v1/0/0000000000000000000.parquet",
)  # fmt: skip

#: Those of which the blocks are listed.
_LISTED = tuple(name for name in _FILES if name not in {SEAL_FILE, BLOCKS_FILE})

_REMADE = {name for name in _FILES if name.startswith("report/") and not name.endswith((".docx", ".pdf"))} | {
    "changes.md",
    BLOCKS_FILE,
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Path:
    """Return a restatement that has every kind of file; its list of robots is of several blocks."""
    place = tmp_path_factory.mktemp("sealed")
    inputs = write_inputs(place / "in")
    robots = place / "in" / "robots.json"
    robots.write_text(robots.read_text() + " " * 3 * BLOCK_BYTES)
    close(place / "shelf", **inputs)
    store = keep([*list_uses(), make_use("late")])
    Meter(store, "log-2").take([make_record(0, b"no use"), make_record(1, b"{}")])
    return close_period(store, place / "shelf", make_request(), LATER_AT).closed.folder


def _find(folder: Path) -> tuple[Difference, ...]:
    """Return what verifying finds; a seal that cannot be read at all is named by the fault."""
    try:
        return verify_folder(folder).differences
    except FatalFault as fault:
        path = SEAL_FILE if f"{SEAL_FILE} of {folder.name}" in fault.sentence else ""
        return (Difference(path, fault.sentence, 0),)


def test_an_untouched_folder_is_what_was_sealed_and_its_report_is_made_again(sealed):
    verdict = verify_folder(sealed)
    assert verdict.differences == ()
    assert (verdict.is_remade, verdict.is_own_code) == (True, True)
    assert tuple(sorted(read_files(sealed))) == _FILES


@pytest.mark.parametrize("name", _FILES)
def test_a_flipped_byte_of_any_file_is_found_with_its_block_and_where_it_can_be_made_again_its_place(sealed, name):
    size = (sealed / name).stat().st_size
    for place in sorted({0, size // 2, size - 1}):
        flip(sealed / name, place)
        try:
            found = _find(sealed)
        finally:
            flip(sealed / name, place)
        assert [(item.path, item.block) for item in found] == [(name, place // BLOCK_BYTES)]
        if name in _REMADE:
            assert found[0].byte == place
    assert verify_folder(sealed).differences == ()


@settings(max_examples=40, deadline=None)
@given(name=some.sampled_from(_FILES), share=some.floats(0, 1, exclude_max=True))
def test_a_flipped_byte_is_found_wherever_it_lies(sealed, name, share):
    place = int((sealed / name).stat().st_size * share)
    flip(sealed / name, place)
    try:
        found = _find(sealed)
    finally:
        flip(sealed / name, place)
    assert {item.path for item in found} == {name}
    assert found[0].block == place // BLOCK_BYTES


def test_a_block_far_into_a_file_is_named(sealed):
    flip(sealed / "robots.json", 2 * BLOCK_BYTES + 5)
    try:
        verdict = verify_folder(sealed)
    finally:
        flip(sealed / "robots.json", 2 * BLOCK_BYTES + 5)
    assert [item.to_line() for item in verdict.differences] == ["robots.json, block 2: the file is not what was sealed"]
    assert not verdict.is_remade


@pytest.fixture
def copied(sealed, tmp_path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(sealed, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def test_a_folder_can_be_verified_anywhere(copied):
    assert verify_folder(copied).differences == ()


def _change_all(folder: Path, change) -> dict[str, bytes]:
    """Change every file whose blocks are listed, and return what they were."""
    before = {name: (folder / name).read_bytes() for name in _LISTED}
    for name, data in before.items():
        (folder / name).write_bytes(change(data))
    return before


@pytest.mark.parametrize(
    ("change", "find_block"),
    [
        (lambda data: data[:-1], lambda size: (size - 1) // BLOCK_BYTES),
        (lambda data: b"", lambda size: 0),
        (lambda data: data + b"\n", lambda size: size // BLOCK_BYTES),
        (lambda data: b" " + data, lambda size: 0),
        (lambda data: data + bytes(2 * BLOCK_BYTES), lambda size: size // BLOCK_BYTES),
        (lambda data: data[:-1] + bytes([data[-1] ^ 128]), lambda size: (size - 1) // BLOCK_BYTES),
    ],
    ids=["cut by a byte", "emptied", "one byte more", "one byte before", "two blocks more", "last byte"],
)
def test_every_file_that_was_cut_grew_or_was_changed_is_named_though_all_are(copied, change, find_block):
    sizes = {name: len(data) for name, data in _change_all(copied, change).items()}
    found = verify_folder(copied).differences
    assert {item.path: item.block for item in found} == {name: find_block(size) for name, size in sizes.items()}
    assert len(found) == len(_LISTED)


def test_every_file_that_has_another_name_is_named_by_both(copied):
    for name in _LISTED:
        (copied / name).rename(copied / f"{name}.bak")
    told = {item.path: item.what for item in verify_folder(copied).differences}
    assert told == dict.fromkeys(_LISTED, "the file is missing") | dict.fromkeys(
        (f"{name}.bak" for name in _LISTED), "the file was not there when the folder was sealed"
    )


@pytest.mark.parametrize("name", [SEAL_FILE, BLOCKS_FILE])
@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"", lambda data: data + b"\n"])
def test_a_seal_or_list_of_blocks_that_was_cut_or_grew_is_named(copied, name, change):
    (copied / name).write_bytes(change((copied / name).read_bytes()))
    assert {item.path for item in _find(copied)} == {name}


def test_two_files_in_each_others_place_are_both_named(copied):
    one, other = copied / "report" / "usage.md", copied / "previous" / "report" / "usage.md"
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    assert [item.path for item in verify_folder(copied).differences] == [
        "previous/report/usage.md",
        "report/usage.md",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few users make links")
@pytest.mark.parametrize("to", ["missing", "folder", "same"])
def test_a_link_is_named_whatever_it_leads_to_and_also_in_a_files_place(copied, to):
    kept = copied.parent / "kept.md"
    shutil.copy(copied / "report" / "usage.md", kept)
    (copied / "report" / "usage.md").unlink()
    for name in ("report/usage.md", "more"):
        (copied / name).symlink_to({"missing": "/nowhere", "folder": copied.parent, "same": kept}[to])
    assert [(item.path, "link" in item.what) for item in verify_folder(copied).differences] == [
        ("more", True),
        ("report/usage.md", True),
    ]


@pytest.mark.parametrize("name", [name for name in _FILES if name != SEAL_FILE])
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    assert [item.path for item in verify_folder(copied).differences] == [name]


@pytest.mark.parametrize(
    "name",
    [
        "report/notes.md",
        ".hidden",
        "sheets/other.toml",
        "usage/facts/sealed/usage.recorded.v1/0/1.parquet",
        "SEAL.json.bak",
    ],
)
def test_a_file_too_many_is_named(copied, name):
    (copied / name).write_text("We did better than that.")
    assert [item.to_line() for item in verify_folder(copied).differences] == [
        f"{name}: the file was not there when the folder was sealed"
    ]


def test_a_file_that_was_cut_or_grew_is_named_with_both_sizes(copied):
    path = copied / "report" / "usage.csv"
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    found = verify_folder(copied).differences
    assert [(item.path, item.byte) for item in found] == [("report/usage.csv", len(data) - 10)]
    assert f"{len(data) - 10} bytes instead of {len(data)}" in found[0].what


def test_several_files_are_all_named(copied):
    flip(copied / "report" / "usage.md", 100)
    flip(copied / "sheets" / "obsea.toml", 30)
    assert [(item.path, item.byte) for item in verify_folder(copied).differences] == [
        ("report/usage.md", None),
        ("sheets/obsea.toml", None),
    ]


def test_a_report_changed_together_with_the_list_of_blocks_is_found_by_root_and_by_making_it_again(copied):
    path = copied / "report" / "usage.md"
    path.write_bytes(path.read_bytes().replace(b"| Images processed | 21 |", b"| Images processed | 99 |"))
    (copied / BLOCKS_FILE).write_text(to_blocks_text(hash_folder(copied)))
    found = {item.path: item for item in verify_folder(copied).differences}
    assert set(found) == {BLOCKS_FILE, "report/usage.md"}
    assert path.read_bytes()[found["report/usage.md"].byte :].startswith(b"99 |")


def test_a_folder_that_was_sealed_anew_is_told_by_the_seal_that_was_handed_in(copied, sealed):
    handed_in = verify_folder(sealed).seal.seal
    assert verify_folder(copied, handed_in).differences == ()
    other = copied.parent / "other"
    again = close(other, list_uses()[1:], at=LATER_AT).closed
    assert verify_folder(again.folder).differences == ()
    assert [item.path for item in verify_folder(again.folder, handed_in).differences] == [SEAL_FILE]


def test_a_report_that_does_not_follow_from_the_facts_is_found_although_its_seal_is_right(tmp_path, monkeypatch):
    made = close(tmp_path / "shelf").closed
    real = verify_module.render_texts

    def render(folder, inputs):
        texts = real(folder, inputs)
        return texts | {"report/usage.md": b"#" + texts["report/usage.md"]}

    monkeypatch.setattr(verify_module, "render_texts", render)
    monkeypatch.setattr(verify_module, "read_code", lambda: ("2", "0" * 64))
    verdict = verify_folder(made.folder)
    assert [(item.path, item.byte) for item in verdict.differences] == [("report/usage.md", 1)]
    assert "not the one that closed the period" in verdict.differences[0].what
    assert not verdict.is_own_code


def test_a_folder_without_a_seal_is_no_sealed_period(copied):
    (copied / SEAL_FILE).unlink()
    with pytest.raises(FatalFault, match="no sealed period"):
        verify_folder(copied)


def test_verifying_changes_nothing(copied):
    before = read_files(copied)
    verify_folder(copied)
    assert read_files(copied) == before


def test_a_difference_is_told_to_machines_without_what_is_absent():
    assert json.dumps(Difference("a", "b", 1).to_plain()) == '{"path": "a", "what": "b", "block": 1}'
