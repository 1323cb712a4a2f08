"""Every error of the Kafka client has a meaning here."""

from __future__ import annotations

import inspect

import aiokafka.errors
import pytest

from schemas.errors import FatalFault, RejectedInput, TransientFault
from streams.brokers.kafka.faults import FATAL, REJECTED, TRANSIENT, to_fault, translate_errors

VENDOR = {
    name: made
    for name, made in inspect.getmembers(aiokafka.errors, inspect.isclass)
    if issubclass(made, Exception) and made.__module__ == "aiokafka.errors"
}


def test_every_error_of_the_vendor_is_mapped_once():
    names = {made.__name__ for made in VENDOR.values()}
    assert len(names) > 90
    assert names - (TRANSIENT | REJECTED | FATAL) == set()
    assert (TRANSIENT | REJECTED | FATAL) - names == set()
    assert len(TRANSIENT) + len(REJECTED) + len(FATAL) == len(TRANSIENT | REJECTED | FATAL)


@pytest.mark.parametrize(
    "made",
    # the vendor's own base of numbered errors has no number, and so cannot even be shown
    sorted(set(VENDOR.values()) - {aiokafka.errors.BrokerResponseError}, key=lambda one: one.__name__),
)
def test_an_error_of_the_vendor_leaves_the_door_as_a_fault_with_its_cause(made):
    error = made.__new__(made)
    expected = {True: TransientFault, False: FatalFault}[made.__name__ in TRANSIENT]
    with pytest.raises(RejectedInput if made.__name__ in REJECTED else expected) as caught, translate_errors():
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.sentence.endswith(".")


def test_what_the_vendor_calls_retriable_is_transient_but_for_a_topic_that_does_not_exist():
    retriable = {made.__name__ for made in VENDOR.values() if getattr(made, "retriable", False)}
    assert retriable - TRANSIENT == {"UnknownTopicOrPartitionError"}


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), OSError("no route")])
def test_a_failing_network_is_transient(error):
    assert isinstance(to_fault(error), TransientFault)


def test_a_mistake_of_ours_is_left_as_it_is():
    with pytest.raises(KeyError), translate_errors():
        raise KeyError("ours")
