"""What people are shown is what there is, whatever it looks like."""

from __future__ import annotations

import pytest

from streams.cli.output import Output


@pytest.mark.parametrize("name", ["x[/bold].jpg", "a[red]b.jpg", "[link=http://example.org]c.jpg", "plain.jpg"])
def test_a_name_that_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str], name: str):
    output = Output()
    output.show_table("Names", ("name", "size"), [(name, 1_000)])
    output.say(f"Wrote {name}.")
    output.note(f"Watching {name}.")
    shown = capsys.readouterr()
    assert f"Wrote {name}." in shown.out
    assert shown.out.count(name) == 2
    assert shown.err == f"Watching {name}.\n"


def test_a_machine_is_told_nothing_that_is_for_people(capsys: pytest.CaptureFixture[str]):
    output = Output(as_json=True)
    output.say("for people")
    output.show_table("Names", ("name",), [("x",)])
    output.add({"name": "[/x]"})
    output.close()
    assert capsys.readouterr().out == '{"name": "[/x]"}\n'
