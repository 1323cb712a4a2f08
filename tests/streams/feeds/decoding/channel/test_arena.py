"""Slots of shared memory are handed out, reused, emptied and gone."""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from streams.feeds.decoding.channel.arena import Arena, MappedSlots, choose_backing, map_slot, open_backing, round_up

NAMED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, never written to

BACKINGS = [
    pytest.param("memory", marks=pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="memfd_create is Linux's")),
    pytest.param("unlinked", marks=pytest.mark.skipif(os.name == "nt", reason="Windows keeps open files' names")),
    "named",
]


@pytest.mark.parametrize("backing", BACKINGS)
def test_who_maps_the_same_range_sees_the_same_pixels(backing):
    arena = Arena(backing)
    slot = arena.lease(30)
    slot.to_pixels(2, 5)[:] = 7
    assert (
        map_slot(arena.descriptor, slot.offset, slot.length).to_pixels(2, 5).tolist() == np.full((2, 5, 3), 7).tolist()
    )
    arena.close()


@pytest.mark.parametrize("backing", BACKINGS)
def test_a_closed_arena_leaves_no_name_behind(backing):
    arena = Arena(backing)
    name = arena.name
    arena.close()
    assert name is None or not name.exists()
    arena.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no nameless files")
def test_the_best_backing_of_this_system_has_no_name():
    descriptor, name = open_backing(choose_backing())
    os.close(descriptor)
    assert name is None


def test_a_slot_that_came_back_is_handed_out_again():
    arena = Arena()
    first = arena.lease(1_000_000)
    arena.release(first)
    assert arena.lease(999_000) is first
    arena.close()


def test_two_who_lease_at_once_get_two_slots():
    arena = Arena()
    slots = [arena.lease(100) for _ in range(3)]
    assert len({slot.offset for slot in slots}) == 3
    assert all(slot.offset % mmap.ALLOCATIONGRANULARITY == 0 for slot in slots)
    arena.close()


@pytest.mark.skipif(not hasattr(mmap, "MADV_REMOVE"), reason="only Linux gives memory of a mapped file back")
def test_memory_above_what_is_kept_goes_back_to_the_system():
    arena = Arena(keep_bytes=1 << 20)
    slots = [arena.lease(1 << 20) for _ in range(4)]
    for slot in slots:
        slot.memory.write(b"x" * (1 << 20))
    filled = os.fstat(arena.descriptor).st_blocks * 512
    for slot in slots:
        arena.release(slot)
    left = os.fstat(arena.descriptor).st_blocks * 512
    assert filled >= 4 << 20
    assert left <= 1 << 20
    arena.close()


def test_an_array_outlives_the_arena():
    arena = Arena()
    pixels = arena.lease(12).to_pixels(2, 2)
    pixels[:] = 9
    arena.close()
    assert int(pixels.sum()) == 108


def test_a_closed_arena_has_no_room():
    arena = Arena()
    arena.close()
    with pytest.raises(MemoryError):
        arena.lease(10)


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 921_600, 12_257_280, 300_000_000])
def test_a_slot_is_at_most_an_eighth_larger_than_asked_for(size):
    length = round_up(size)
    assert size <= length <= max(size * 1.125, 65_536) + 65_536
    assert length % 65_536 == 0


def test_a_picture_larger_than_its_slot_is_refused():
    arena = Arena()
    with pytest.raises(ValueError, match="buffer is smaller"):
        arena.lease(10).to_pixels(1_000, 1_000)
    arena.close()


@pytest.mark.skipif(not NAMED_MEMORY.is_dir(), reason="this system keeps named shared memory elsewhere")
def test_nothing_appears_among_named_shared_memory():
    arena = Arena()
    arena.lease(1 << 20)
    assert not [path for path in NAMED_MEMORY.iterdir() if "observatory" in path.name]
    arena.close()


@pytest.fixture
def places():
    """Offset and length of twelve slots of an arena, each of which begins with its number from 1."""
    with contextlib.closing(Arena()) as arena:
        slots = [arena.lease(70_000) for _ in range(12)]
        for number, slot in enumerate(slots):
            slot.memory[0] = number + 1
        yield arena.descriptor, [(slot.offset, slot.length) for slot in slots]


def test_a_slot_that_is_asked_for_again_is_mapped_once(places):
    descriptor, asked = places
    mapped = MappedSlots(descriptor, keep_bytes=12 * asked[0][1], keep_slots=1)
    first = [mapped.map(place) for place in asked]
    assert all(mapped.map(place) is slot for place, slot in zip(asked, first, strict=True))


def test_slots_unused_for_longest_are_let_go_and_hold_the_same_when_they_are_mapped_anew(places):
    descriptor, asked = places
    mapped = MappedSlots(descriptor, keep_bytes=4 * asked[0][1], keep_slots=1)
    first = [mapped.map(place) for place in asked]
    assert mapped.map(asked[-4]) is first[-4]
    again = mapped.map(asked[0])
    assert again is not first[0]
    assert again.memory[0] == first[0].memory[0] == 1


def test_some_slots_stay_mapped_however_large_they_are(places):
    descriptor, asked = places
    mapped = MappedSlots(descriptor, keep_bytes=1, keep_slots=12)
    first = [mapped.map(place) for place in asked]
    assert all(mapped.map(place) is slot for place, slot in zip(asked, first, strict=True))


def test_no_more_slots_stay_mapped_than_there_are_descriptors_for(places):
    descriptor, asked = places
    mapped = MappedSlots(descriptor, keep_slots=1, most_slots=4)
    first = [mapped.map(place) for place in asked]
    assert mapped.map(asked[-4]) is first[-4]
    assert mapped.map(asked[0]) is not first[0]
