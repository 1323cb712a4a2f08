"""Changes: what a restatement says otherwise than the closing before it, line by line."""

from __future__ import annotations

import difflib
from contextlib import closing
from typing import TYPE_CHECKING

from streams.usage.closing.freezing import iterate_files
from streams.usage.closing.inputs import FolderFacts, Late
from streams.usage.closing.seal import read_seal
from streams.usage.reports.database import Database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streams.usage.closing.inputs import Inputs

CHANGES_FILE = "changes.md"

#: What the closing before said: its texts and its seal.
PREVIOUS_FOLDER = "previous"

#: Lines beside a changed one.
_CONTEXT_LINES = 0

#: The lines of these are compared; the others say the same on one long line, and are only named.
_LINED_FORMS = (".csv", ".md")

#: Its last column says which facts stand behind a figure; if any came late it is another one in every line.
_NOTES = {"report/usage.csv": " (without its last column)"}


def list_changes(folder: Path, inputs: Inputs, texts: Mapping[str, bytes]) -> str:
    """Return the difference between the texts of a restatement and those of the closing before, as Markdown.

    Raises
    ------
    FatalFault
        If the texts of the closing before are not in the folder.
    """
    before = folder / PREVIOUS_FOLDER
    seal = read_seal(before)
    parts = [
        f"# {inputs.period}, restatement {inputs.restatement}",
        f"It takes the place of restatement {seal.restatement}, seal `{seal.seal}`.",
        "## Why",
        "\n".join(f"- {reason}" for reason in inputs.because),
        "## Uses that are other ones",
        "\n".join(f"- {late.installation}: {late.uses:,}" for late in inputs.late) or "None.",
        "## Lines that are other ones",
    ]
    old = {path.relative_to(before).as_posix(): path.read_bytes() for path in before.rglob("*") if path.is_file()}
    changed = [
        name
        for name in sorted({*old, *texts})
        if name.startswith("report/") and old.get(name, b"") != texts.get(name, b"")
    ]
    parts += [
        f"### {name}{_NOTES.get(name, '')}\n\n```diff\n{_compare(name, old.get(name, b''), texts.get(name, b''))}```"
        for name in changed
        if name.endswith(_LINED_FORMS)
    ] or ["None: what came late changes no figure."]
    parts += ["## Files that are other ones", "\n".join(f"- {name}" for name in changed) or "None."]
    return "\n\n".join(parts) + "\n"


def _compare(name: str, old: bytes, new: bytes) -> str:
    """Return the lines that went (``-``) and came (``+``), with their numbers."""
    before, now = (data.decode("utf-8", "replace").splitlines() for data in (old, new))
    if name in _NOTES:
        before, now = ([line.rpartition(",")[0] for line in lines] for lines in (before, now))
    found = difflib.unified_diff(before, now, "before", "now", n=_CONTEXT_LINES, lineterm="")
    return "".join(f"{line}\n" for line in found)


_INSERT = "INSERT INTO fact SELECT {place}, installation, substr(event_sha256, 1, 32)::UUID FROM arriving"


def count_late(old: Path, new: Path) -> tuple[Late, ...]:
    """Return how many uses two closed folders do not share, by installation.

    Raises
    ------
    FatalFault
        If either's facts cannot be read.
    """
    with closing(Database(spills=True)) as database:
        database.run("CREATE TABLE fact (place INTEGER, installation VARCHAR, event_sha256 UUID)")
        for number, folder in enumerate((old, new)):
            for _, table in iterate_files(FolderFacts(folder)):
                database.insert(_INSERT.replace("{place}", str(number)), table)
        rows = database.run(
            """
            SELECT installation, count(*) FROM (
                SELECT installation, event_sha256 FROM fact GROUP BY ALL HAVING count(DISTINCT place) = 1
            ) GROUP BY installation ORDER BY installation
            """
        )
    return tuple(Late(installation=name, uses=count) for name, count in rows)
