"""Whatever a decoder's library raises becomes one of our faults."""

from __future__ import annotations

import inspect

import av
import cv2
import PIL
import pytest

from schemas.errors import RejectedInput
from streams.feeds.decoding import pictures, stills, video


def list_av_errors():
    classes = {value for value in vars(av.error).values() if inspect.isclass(value) and issubclass(value, Exception)}
    others = {av.codec.codec.UnknownCodecError}
    return sorted(classes | others, key=lambda each: each.__name__)


def make_error(kind):
    return kind(22, "words") if issubclass(kind, av.error.FFmpegError) else kind("words")


def test_pyav_has_the_errors_this_door_was_built_for():
    assert len(list_av_errors()) >= 40


@pytest.mark.parametrize(
    "kind", [*list_av_errors(), ValueError, OverflowError, UnicodeDecodeError, RuntimeError], ids=str
)
def test_every_error_of_pyav_is_translated(kind):
    error = UnicodeDecodeError("utf-8", b"", 0, 1, "words") if kind is UnicodeDecodeError else make_error(kind)
    with pytest.raises((RejectedInput, MemoryError)) as caught, video.translate():
        raise error
    assert caught.value.__cause__ is error
    if isinstance(caught.value, RejectedInput):
        assert caught.value.reason in {"unreadable_video", "unsupported_video"}
    assert isinstance(caught.value, MemoryError) == isinstance(error, MemoryError)


def test_a_decoder_that_is_not_built_in_is_told_from_bad_bytes():
    with pytest.raises(RejectedInput) as caught, video.translate():
        raise av.error.DecoderNotFoundError(1, "words")
    assert caught.value.reason == "unsupported_video"


def test_a_path_in_a_vendors_words_is_not_repeated():
    with pytest.raises(RejectedInput) as caught, video.translate():
        raise av.error.InvalidDataError(1, "Invalid data", "/secret/place")
    assert "/secret" not in caught.value.sentence


PILLOW_ERRORS = [
    value
    for value in (*vars(PIL).values(), *vars(PIL.Image).values())
    if inspect.isclass(value) and issubclass(value, Exception | Warning)
]


@pytest.mark.parametrize(
    "kind", [*PILLOW_ERRORS, SyntaxError, OSError, EOFError, KeyError, IndexError, TypeError], ids=str
)
def test_every_error_of_pillow_is_translated(kind):
    error = kind("words <object at 0x7f>")
    with pytest.raises(RejectedInput) as caught, pictures.translate():
        raise error
    assert caught.value.__cause__ is error
    assert "0x7f" not in caught.value.sentence


def test_pillow_has_errors_of_its_own():
    assert len(PILLOW_ERRORS) >= 3


def test_opencv_has_one_error_and_it_is_translated():
    assert [name for name, value in vars(cv2).items() if inspect.isclass(value) and issubclass(value, Exception)] == [
        "error"
    ]
    error = cv2.error("words")
    error.code = cv2.Error.StsAssert
    with pytest.raises(RejectedInput) as caught, stills.translate():
        raise error
    assert caught.value.__cause__ is error


def test_opencv_without_memory_is_out_of_memory():
    error = cv2.error("words")
    error.code = cv2.Error.StsNoMem
    with pytest.raises(MemoryError), stills.translate():
        raise error


@pytest.mark.parametrize("door", [pictures, video])
def test_lack_of_memory_stays_what_it_is(door):
    with pytest.raises(MemoryError), door.translate():
        raise MemoryError


@pytest.mark.parametrize("door", [pictures, video, stills])
def test_our_own_faults_pass_unchanged(door):
    fault = RejectedInput("reason", "sentence")
    with pytest.raises(RejectedInput) as caught, door.translate():
        raise fault
    assert caught.value is fault
