from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from streams.usage.closing.merkle import BLOCK_BYTES, Hashed, hash_file, to_folder_root, to_root


def _leaf(data: bytes) -> str:
    return hashlib.sha256(b"\x00" + data).hexdigest()


def _node(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def test_the_root_is_that_of_rfc_6962():
    a, b, c, d, e = (_leaf(text) for text in (b"a", b"b", b"c", b"d", b"e"))
    assert to_root([]) == hashlib.sha256(b"").hexdigest()
    assert to_root([a]) == a
    assert to_root([a, b, c]) == _node(_node(a, b), c)
    assert to_root([a, b, c, d, e]) == _node(_node(_node(a, b), _node(c, d)), e)


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES])
def test_a_file_is_hashed_in_blocks_of_64_kib(tmp_path, size):
    data = bytes(place % 251 for place in range(size))
    (tmp_path / "file").write_bytes(data)
    found = hash_file(tmp_path, "file")
    assert found.size_bytes == size
    assert found.blocks == tuple(_leaf(data[at : at + BLOCK_BYTES]) for at in range(0, size, BLOCK_BYTES))


_DIGESTS = some.binary(min_size=32, max_size=32).map(bytes.hex)
_FILES = some.lists(
    some.builds(
        Hashed, some.text("abc/", min_size=1), some.integers(0, 9), some.lists(_DIGESTS, max_size=4).map(tuple)
    ),
    unique_by=lambda file: file.path,
    max_size=5,
)


@given(files=_FILES, data=some.data())
def test_the_root_of_a_folder_depends_on_every_block_path_and_size_and_on_no_order(files, data):
    root = to_folder_root(files)
    assert to_folder_root(data.draw(some.permutations(files))) == root
    for place, file in enumerate(files):
        others = [*files[:place], *files[place + 1 :]]
        assert to_folder_root(others) != root
        assert to_folder_root([*others, Hashed(file.path + "x", file.size_bytes, file.blocks)]) != root
        assert to_folder_root([*others, Hashed(file.path, file.size_bytes + 1, file.blocks)]) != root
        assert to_folder_root([*others, Hashed(file.path, file.size_bytes, (*file.blocks, "0" * 64))]) != root
