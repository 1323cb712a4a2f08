from __future__ import annotations

import sys

import pytest

from schemas.errors import FatalFault
from streams.usage.sheets.assessment import assess
from streams.usage.sheets.pdf import to_pdf
from tests.streams.usage.sheets.sheets import STEPS, declare, read


def _assess():
    return assess([read(STEPS, declare("steps", "M13-24", "3"))], ("M13-24", "M25-36"))


def test_a_report_is_written_as_pdf_with_equal_bytes_for_equal_inputs():
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("needs the pdf extra and Pango")
    written = to_pdf(_assess())
    assert written.startswith(b"%PDF-")
    assert written == to_pdf(_assess())


def test_without_the_extra_the_fault_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(FatalFault, match="Pango"):
        to_pdf(_assess())
