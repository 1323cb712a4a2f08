from __future__ import annotations

import datetime as dt
import json
from collections import Counter

import numpy as np
import pytest
from lxml import html
from PIL import Image

from streams.account.status import FeedStatus, Status
from streams.serving.answers import Query, list_figures, render
from streams.serving.board import View
from streams.serving.exposition import to_exposition
from streams.serving.opening import write_static
from streams.serving.page import Links, to_html
from streams.usage.reports.definitions import DEFINITIONS
from streams.usage.reports.tables import to_tables
from tests.streams.serving.boards import count, count_periods, publish_board, report_on
from tests.streams.serving.browsing import browse, read_drawn, take_picture
from tests.streams.usage.uses import NOW, make_clip_use, make_person, make_use

MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 12))


def make_uses():
    return [
        make_use(
            f"{month}-{number}",
            requested_at=dt.datetime(2026, month, 1 + number, tzinfo=dt.UTC),
            who=make_person(f"person-{number}"),
            country=("ES", "FR")[number % 2],
        )
        for month in range(1, 12)
        for number in range(month)
    ]


@pytest.fixture(scope="module")
def view() -> View:
    return View(NOW, count_periods(make_uses(), periods=(*MONTHS, "2026")), ("obsea", "silent"))


def read_table(page: str, section: str) -> dict[str, dict[str, str]]:
    """Return the table of a section: rows by label, cells by heading."""
    (table,) = html.fromstring(page).xpath(f'//section[@id="{section}"]//table')
    told = '*[not(@class="unit")]'
    headings = [cell.text_content() for cell in table.xpath(f"./thead/tr/{told}")]
    rows = [[cell.text_content() for cell in row.xpath(f"./{told}")] for row in table.xpath("./tbody/tr")]
    return {row[0]: dict(zip(headings[1:], row[1:], strict=True)) for row in rows if len(row) == len(headings)}


def test_a_table_says_what_the_report_says(view):
    table = read_table(to_html(view), "obsea")
    report = report_on(make_uses(), periods=("2026-11", "2026-10", "2026"))
    said = {row[0]: row[1:] for part in to_tables(report) for row in part.rows if not row[0].startswith("-")}
    assert len(set(table) & set(said)) > 15
    for label in set(table) & set(said):
        cells = {name.removesuffix(" (partial)"): text for name, text in table[label].items()}
        assert (cells["2026-11"], cells["2026-10"], cells["2026"]) == said[label], label


def test_the_newest_periods_are_shown_first_and_a_part_of_a_period_is_marked(view):
    headings = list(read_table(to_html(view), "obsea")["Requests"])
    assert headings == ["2026 (partial)", "2026-11 (partial)", "2026-10", "2026-09", "2026-08", "2026-07"]
    assert "Partial: 2026-11: 64.86 % is covered; not 2026-11-20T11:00:00.000Z to" in to_html(view)
    missing = read_table(to_html(view), "obsea")["Not counted"]
    assert missing["2026-11 (partial)"] == "2026-11-20 11:00Z to 2026-12-01 00:00Z"
    assert missing["2026-10"] == "-"


def test_a_chart_has_a_bar_for_each_month_as_long_as_its_number(view):
    (chart, *_) = html.fromstring(to_html(view)).xpath('//section[@id="obsea"]//figure')
    assert chart.xpath("string(figcaption)") == "Images processed by month (image)"
    widths = [float(bar.get("width")) for bar in chart.xpath(".//rect")]
    assert widths == pytest.approx([240 * month / 11 for month in range(1, 12)], abs=0.1)
    assert chart.xpath("string(.//svg/@aria-label)").startswith("obsea images_processed: 2026-01 1; 2026-02 2;")


def test_each_row_says_what_it_counts(view):
    rows = html.fromstring(to_html(view)).xpath('//section[@id="obsea"]//tbody//th[@scope="row"]')
    told = {row.text_content(): row.get("title") for row in rows}
    assert told["Requests"] == DEFINITIONS["requests"].meaning
    assert all(told.values())


def test_each_row_says_its_unit_and_the_page_ends_with_definitions_that_need_no_pointing(view):
    tree = html.fromstring(to_html(view))
    rows = tree.xpath('//section[@id="obsea"]//tbody/tr[th[@title]][td[@class="unit"]]')
    units = {row.xpath("string(th)"): row.xpath('string(td[@class="unit"])') for row in rows}
    assert (units["Images processed"], units["Requests"], units["Unique users"]) == ("image", "request", "person")
    told = {
        term.text_content(): term.getnext().text_content() for term in tree.xpath('//section[@id="definitions"]//dt')
    }
    assert told["Requests"].startswith(DEFINITIONS["requests"].meaning)
    assert told["Unique users"].endswith("unique_users@1; unit: person; periods never add up.")
    assert "measured: counted from the recorded uses, by the rules observatory-1" in tree.text_content()


def test_why_something_is_not_measured_stands_once_below_the_table_and_is_read_out_in_each_cell(view):
    (section,) = html.fromstring(to_html(view)).xpath('//section[@id="obsea"]')
    marked = section.xpath(".//td[@data-mark]")
    assert {(cell.text_content(), cell.get("data-mark")) for cell in marked} == {
        ("not measured: no use tells its institution", "¹")
    }
    notes = [note.text_content() for note in section.xpath('.//p[@class="note"]')]
    assert notes.count("¹ not measured: no use tells its institution.") == 1


def test_an_installation_without_figures_says_so(view):
    (section,) = html.fromstring(to_html(view)).xpath('//section[@id="silent"]')
    assert "No figures are published yet." in section.text_content()


def test_nobody_and_nothing_yet_is_a_page_too():
    assert "There are no installations yet." in to_html(View(NOW))


def test_what_was_read_is_escaped_and_nothing_is_fetched_or_run(view):
    status = Status(NOW, {"<script>alert(1)</script>": FeedStatus(None, Counter({"<b>": 1}), 3)})
    page = to_html(View(NOW, view.values, view.installations, status=status))
    tree = html.fromstring(page)
    assert tree.xpath("//script | //link | //img | //iframe | //@src | //@onclick") == []
    assert "alert(1)" in tree.xpath('string(//section[@id="feeds"])')
    assert all("://" not in address for address in tree.xpath("//@href"))


def test_feeds_are_told_with_what_waits_and_what_is_set_aside(view):
    status = Status(NOW, {"cam": FeedStatus(None, Counter(not_media=2), 3)})
    table = read_table(to_html(View(NOW, view.values, view.installations, status=status)), "feeds")
    assert table == {"cam": {"Last result": "never", "Waiting": "3", "Set aside": "2 not_media"}}


def test_the_static_page_stands_beside_all_figures_as_data(view, tmp_path):
    names = write_static(view, tmp_path, more=(("Assessment", "assessment.html"),))
    assert names == tuple(sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")))
    page = html.fromstring((tmp_path / "index.html").read_text())
    links = {link for link in page.xpath("//@href") if not link.startswith("#")}
    assert links == {"metrics/obsea.csv", "metrics/obsea.json", "assessment.html"}
    figures = json.loads((tmp_path / "metrics" / "obsea.json").read_text())["figures"]
    assert len(figures) == len(view.values)
    assert len((tmp_path / "metrics" / "obsea.csv").read_text().splitlines()) == len(figures) + 1
    assert len(json.loads((tmp_path / "periods.json").read_text())["periods"]) == 12


def test_the_page_of_a_board_links_to_what_is_served():
    links = html.fromstring(to_html(publish_board((make_use(0),)).look())).xpath("//@href")
    assert links == ["metrics/obsea?format=csv", "metrics/obsea?format=json"]
    assert Links().more == ()


def test_kinds_of_things_are_rows_of_their_own():
    page = to_html(View(NOW, count((make_clip_use("dive", 30),)), ("obsea",)))
    assert read_table(page, "obsea")["Images processed: frame"]["2026-11 (partial)"] == "30"


def test_bars_of_partial_periods_are_hatched_and_what_is_missing_stands_below_them(view):
    (chart, *_) = html.fromstring(to_html(view)).xpath('//section[@id="obsea"]//figure')
    assert [bar.get("fill") == "url(#partial)" for bar in chart.xpath(".//rect")] == [False] * 10 + [True]
    assert chart.xpath("string(p)") == ("Hatched: partial. 2026-11 without 2026-11-20 11:00Z to 2026-12-01 00:00Z.")
    assert len(html.fromstring(to_html(view)).xpath('//pattern[@id="partial"]')) == 1


def test_a_month_that_stands_out_is_marked_at_its_value_and_explained():
    times = [dt.datetime(2025, 11, 3, tzinfo=dt.UTC), *[NOW - dt.timedelta(days=1)] * 120]
    uses = tuple(make_use(number, requested_at=time) for number, time in enumerate(times))
    view = View(NOW, count_periods(uses, periods=("2026-11",)), ("obsea",))
    assert read_table(to_html(view), "obsea")["Deliveries"] == {"2026-11 (partial)": "120 \u25b2"}
    assert "\u25b2 2026-11: deliveries, a spike by COUNTER's rule." in to_html(view)
    (figure,) = list_figures(view, Query("obsea", metric="deliveries")).figures
    assert [flag.to_plain() for flag in figure.flags] == [{"month": "2026-11", "kind": "spike"}]
    assert b"spike 2026-11" in render(list_figures(view, Query("obsea")), "csv")
    assert 'observatory_figure_flagged_months{installation="obsea",metric="deliveries"' in to_exposition(view)


@pytest.mark.slow
def test_a_browser_draws_the_tables_and_charts(view, tmp_path):
    write_static(view, tmp_path / "site")
    address = (tmp_path / "site" / "index.html").as_uri()
    drawn = read_drawn(address, tmp_path)
    assert read_table(drawn, "obsea") == read_table(to_html(view), "obsea")
    assert len(html.fromstring(drawn).xpath('//section[@id="obsea"]//figure//*[local-name()="rect"]')) == 44
    picture = np.asarray(Image.open(take_picture(address, tmp_path, width_px=1200, height_px=1500)).convert("RGB"))
    bars = (picture == (0x1F, 0x5F, 0x8B)).all(axis=2)
    assert picture.shape == (1500, 1200, 3)
    # eleven bars of images from 22 to 240 pixels wide and 18 high, and three charts more
    assert bars.sum() > 18 * sum(240 * month / 11 for month in range(1, 12))


@pytest.mark.slow
def test_on_a_phone_nothing_but_tables_is_wider_than_the_screen(view, tmp_path):
    write_static(view, tmp_path / "site")
    page = tmp_path / "site" / "index.html"
    told = "<script>document.title = document.documentElement.scrollWidth + ' of ' + window.innerWidth</script></body>"
    (tmp_path / "site" / "phone.html").write_text(page.read_text().replace("</body>", told))
    address = (tmp_path / "site" / "phone.html").as_uri()
    drawn = browse(address, tmp_path, "--window-size=500,900", "--dump-dom")
    wide, _, screen = html.fromstring(drawn).xpath("string(//title)").partition(" of ")
    assert 0 < int(wide) <= int(screen)
