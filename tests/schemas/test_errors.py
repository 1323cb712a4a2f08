"""The three faults."""

from __future__ import annotations

import pickle

import pytest

from schemas.errors import SENTENCE_LIMIT, FatalFault, ObservatoryError, RejectedInput, TransientFault


def test_a_rejection_crosses_processes_with_reason_and_sentence():
    again = pickle.loads(pickle.dumps(RejectedInput("not_media", "It is a poem.")))  # noqa: S301 - our own bytes
    assert (again.reason, again.sentence, str(again)) == ("not_media", "It is a poem.", "It is a poem.")


def test_a_long_sentence_is_cut_so_that_it_fits_a_header():
    assert len(RejectedInput("too_long", "x" * 10_000).sentence) == SENTENCE_LIMIT


@pytest.mark.parametrize("reason", ["", "Not Media", "not-media", "1st", "x" * 49, "a\n"], ids=repr)
def test_a_reason_is_a_code(reason):
    with pytest.raises(ValueError, match="not a reason code"):
        RejectedInput(reason, "x")


@pytest.mark.parametrize("fault", [TransientFault("away"), FatalFault("wrong"), RejectedInput("bad", "bad")], ids=repr)
def test_every_fault_is_one_of_ours_with_a_sentence(fault):
    assert isinstance(fault, ObservatoryError)
    assert fault.sentence == str(fault)
