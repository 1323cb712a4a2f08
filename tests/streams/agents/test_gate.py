"""When a feed is paused instead of filling the dead letters."""

from __future__ import annotations

from streams.agents.gate import FEEDS_LIMIT, FeedGate, GateRule


def test_a_feed_whose_last_units_nearly_all_fail_for_one_reason_is_paused_before_the_next_becomes_a_dead_letter():
    gate = FeedGate(GateRule(last=10, share=0.9))
    gate.record_success("cam", "work")
    answers = [gate.check_failure("cam", "work", "unknown_installation") for _ in range(9)]
    assert answers[:8] == [None] * 8
    assert answers[8] is not None
    assert "unknown_installation" in answers[8].sentence
    assert [pause.feed for pause in gate.pauses] == ["cam"]


def test_failures_for_different_reasons_are_dead_letters_not_a_pause():
    gate = FeedGate(GateRule(last=10, share=0.9))
    assert all(gate.check_failure("cam", "work", f"reason_{n % 3}") is None for n in range(50))


def test_a_corrupt_picture_now_and_then_never_pauses_a_feed():
    gate = FeedGate(GateRule(last=10, share=0.9))
    for _ in range(40):
        assert gate.check_failure("cam", "work", "truncated_picture") is None
        gate.record_success("cam", "work")
        gate.record_success("cam", "work")


def test_another_feed_goes_on_while_one_is_paused():
    gate = FeedGate(GateRule(last=3, share=1.0))
    assert [gate.check_failure("a", "work", "x") for _ in range(3)][-1] is not None
    assert gate.check_failure("b", "work", "x") is None


def test_a_rule_of_none_never_pauses():
    gate = FeedGate(GateRule(last=0))
    assert all(gate.check_failure("cam", "work", "x") is None for _ in range(100))


def test_a_feed_that_is_paused_stays_so_whatever_else_of_it_succeeds_or_fails():
    gate = FeedGate(GateRule(last=3, share=1.0))
    paused = [gate.check_failure("cam", "work", "x") for _ in range(3)][-1]
    assert paused is not None
    for _ in range(5):
        gate.record_success("cam", "work")
    assert gate.check_failure("cam", "work", "y") == paused
    assert gate.find_pause("cam") == paused
    assert gate.find_pause("other") is None


def test_names_that_a_sender_invents_do_not_fill_the_memory():
    gate = FeedGate(GateRule(last=30, share=0.9))
    for number in range(3 * FEEDS_LIMIT):
        gate.check_failure(f"feed-{number}", "work", "unknown_feed")
    assert len(gate._ends) == FEEDS_LIMIT


def test_records_of_no_declared_feed_are_set_aside_each_by_each_and_hold_nobody():
    gate = FeedGate(GateRule(last=3, share=1.0), frozenset({"cam"}))
    assert all(gate.check_failure("(unreadable)", "work", "unreadable_envelope") is None for _ in range(50))
    assert [gate.check_failure("cam", "work", "x") for _ in range(3)][-1] is not None


def test_a_unit_that_is_routed_well_and_cannot_be_opened_is_a_failure_not_half_of_one():
    gate = FeedGate(GateRule(last=5, share=0.9))
    answers = []
    for _ in range(5):
        gate.record_success("cam", "route")
        answers.append(gate.check_failure("cam", "work", "truncated_picture"))
    assert answers[:4] == [None] * 4
    assert answers[4] is not None


def test_one_bad_name_a_day_never_pauses_a_feed_whose_units_are_done_elsewhere():
    gate = FeedGate(GateRule(last=5, share=0.9))
    for _ in range(20):
        assert gate.check_failure("cam", "route", "bad_time") is None
        for _ in range(3):
            gate.record_success("cam", "route")
