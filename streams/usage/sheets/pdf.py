"""An assessment as PDF, made from the same page as the HTML: the door to weasyprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from schemas.errors import FatalFault
from streams.usage.sheets.page import to_html

if TYPE_CHECKING:
    from streams.usage.sheets.assessment import Assessment

#: The tables are wide.
_PAGE = """
@page { size: A4 landscape; margin: 15mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
body { font-size: 9pt; margin: 0; max-width: none; padding: 0; } table { font-size: 8pt; } h2 { break-before: page; }
h2:first-of-type { break-before: auto; }
"""


def to_pdf(assessment: Assessment) -> bytes:
    """Return the assessment as a PDF file; on one machine, with the same fonts, equal inputs give equal bytes.

    Raises
    ------
    FatalFault
        If the ``pdf`` extra or the library Pango is not installed.
    """
    vendor = _load()
    style = vendor.CSS(string=_PAGE)
    # the page refers to nothing; if it ever did, nothing would be fetched
    page = vendor.HTML(string=to_html(assessment), url_fetcher=_refuse)
    written: bytes = page.write_pdf(stylesheets=[style])
    return written


def _load() -> Any:  # noqa: ANN401 - an extra that may not be there
    try:
        import weasyprint  # noqa: PLC0415 - only who asks for a PDF needs it
    except (ImportError, OSError) as error:  # OSError: the package is there, Pango is not
        message = "A PDF needs the pdf extra (weasyprint) and the system library Pango; html and docx need neither."
        raise FatalFault(message) from error
    return weasyprint


def _refuse(url: str, *_: object, **__: object) -> NoReturn:
    """Fetch nothing.

    Raises
    ------
    ValueError
        Always.
    """
    message = f"nothing is fetched for a report: {url[:80]}"
    raise ValueError(message)
