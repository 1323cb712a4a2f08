"""The summary page: what it says, what it never does, and how it is written."""

from __future__ import annotations

import datetime as dt
import re

import jinja2
import numpy as np
import pytest
from lxml import html

from schemas.errors import FatalFault, RejectedInput
from sinks.pages import page
from sinks.pages.page import write_page
from sinks.pages.pixels import encode_jpeg
from sinks.pages.summary import Aside, Balance, Entry, Link, Metric, ModelUsed, Passed, Summary

START = dt.datetime(2024, 6, 12, 6, tzinfo=dt.UTC)
NOW = dt.datetime(2024, 6, 13, 8, 30, tzinfo=dt.UTC)


def make_entry(number, *, fish=2, pictures=1, **given):
    return Entry(
        unit_id=f"camera.{number}",
        feed="camera-1",
        kind="still",
        name=f"{number}.jpg",
        captured_at=START + dt.timedelta(minutes=30 * number),
        labels=(("fish", fish),) if fish else (),
        looked=1,
        empty=int(not fish),
        pictures=tuple(f"picture-{number}-{place}" for place in range(pictures)),
        document_href=f"results/{number}.json",
        **given,
    )


def make_summary(**given):
    values = {
        "title": "One day",
        "made_at": NOW,
        "ran": (("Program", "observatory-streams 0.1.0"), ("Broker", "embedded")),
        "balance": Balance(6, 3, 1, 1, 1, 0),
        "entries": (make_entry(0), make_entry(1, fish=0, pictures=0), make_entry(2, pictures=3)),
        "aside": (
            Aside(
                "cut.jpg", "camera-1", "truncated_picture", "The picture ends too early.", "observatory retry 1", NOW
            ),
        ),
        "duplicates": (Passed("again.jpg", "camera-1", "camera.0"),),
        "skipped": (Passed("night.jpg", "camera-1", "no_background"),),
        "metrics": (
            Metric("fish", "images processed", "2024-06", "3"),
            Metric("fish", "unique users", "2024-06", "not measured", "no login"),
        ),
        "models": (ModelUsed("aquarium", "1", "detect", "ab" * 32, "user"),),
        "links": (Link("Archive", "archive.zip", "For OBIS."),),
    }
    return Summary(**(values | given))


def read_picture(key):
    shade = sum(key.encode()) % 200
    return encode_jpeg(np.full((480, 640, 3), shade, dtype=np.uint8))


@pytest.fixture
def written(tmp_path):
    def write(read=read_picture, **given):
        path = write_page(make_summary(**given), tmp_path / "page", read)
        return html.fromstring(path.read_text(encoding="utf-8"))

    return write


def text_of(tree):
    return re.sub(r"\s+", " ", tree.text_content())


def test_the_page_says_where_every_input_is(written):
    text = text_of(written())
    assert "6submitted = 3stored + 1duplicates + 1set aside + 1skipped + 0in flight" in text
    assert "Every input is in exactly one state" in text


def test_a_ledger_that_does_not_add_up_is_said_loudly(written):
    text = text_of(written(balance=Balance(7, 3, 1, 1, 1, 0)))
    assert "do not add up" in text
    assert "Every input is in exactly one state" not in text


def test_each_unit_is_shown_with_its_picture_time_and_labels(written):
    tree = written()
    cards = tree.xpath("//ul[@class='gallery']/li")
    assert [card.xpath(".//time/text()")[0] for card in cards] == [
        "2024-06-12 07:00:00 UTC",
        "2024-06-12 06:30:00 UTC",
        "2024-06-12 06:00:00 UTC",
    ]
    assert "Looked, saw nothing" in text_of(cards[1])
    assert "2 fish" in text_of(cards[2])
    assert len(cards[0].xpath(".//div[@class='strip']/a")) == 2


def test_every_picture_has_words_and_is_loaded_late(written):
    for image in written().xpath("//img"):
        assert image.get("alt").strip()
        assert image.get("loading") == "lazy"


def test_pictures_and_links_lead_to_files_that_are_there(written, tmp_path):
    tree = written()
    places = [*tree.xpath("//img/@src"), *tree.xpath("//a[starts-with(@href, 'index_files')]/@href")]
    assert len(places) == 8
    assert all((tmp_path / "page" / place).is_file() for place in places)


def test_the_page_loads_nothing_from_anywhere(written, tmp_path):
    tree = written()
    source = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert not tree.xpath("//script | //iframe | //link[@rel='stylesheet']")
    assert not re.search(r"https?://|@import|url\((?!#)", source)
    assert all(not place.startswith(("/", "http", "file:")) for place in tree.xpath("//@src | //@href"))


def test_what_was_set_aside_says_why_and_how_to_try_again(written):
    text = text_of(written())
    for told in ("cut.jpg", "truncated_picture", "The picture ends too early.", "observatory retry 1"):
        assert told in text
    assert "again.jpg" in text
    assert "no_background" in text


def test_what_was_not_measured_is_not_a_number(written):
    (cell,) = written().xpath("//td[contains(@class, 'unmeasured')]")
    assert cell.text_content() == "not measured"


def test_models_are_named_with_their_digest(written):
    assert "ab" * 32 in text_of(written())


def test_a_demonstration_model_is_warned_of(written):
    assert "Demonstration model." not in text_of(written())
    model = ModelUsed("aquarium", "1", "detect", "ab" * 32, "demonstration")
    entries = (make_entry(0, is_demonstration=True), make_entry(1))
    text = text_of(written(models=(model,), entries=entries))
    assert "Demonstration model. 1 of 2 results were made with a model that only shows how the program works." in text
    assert "demonstration only" in text


def test_only_the_newest_are_shown_and_the_page_says_so(written):
    tree = written(entries=(make_entry(number) for number in range(40)), newest=5)
    assert len(tree.xpath("//ul[@class='gallery']/li")) == 5
    assert "The newest 5 of 40 units" in text_of(tree)


def test_an_empty_deployment_has_a_page_too(written):
    text = text_of(
        written(balance=Balance(), entries=(), aside=(), duplicates=(), skipped=(), metrics=(), models=(), links=())
    )
    for told in ("No result is stored yet.", "Nothing was set aside.", "No use was recorded.", "No dated image"):
        assert told in text


def test_names_from_outside_cannot_become_part_of_the_page(written, tmp_path):
    evil = "<script>alert(1)</script>"
    written(
        title=evil,
        aside=(Aside(evil, evil, "x", evil, evil),),
        entries=(make_entry(0, is_broken=True), Entry(evil, evil, "still", evil, START, ((evil, 1),), 1)),
        ran=((evil, evil),),
    )
    source = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in source
    assert "&lt;script&gt;" in source


def test_a_picture_that_is_gone_or_broken_is_left_out(written):
    def read(key):
        if key.startswith("picture-0"):
            raise FileNotFoundError(key)
        if key.startswith("picture-2-0"):
            return b"not a picture"
        if key.startswith("picture-2-1"):
            raise RejectedInput("no_object", "There is none.")
        return read_picture(key)

    tree = written(read)
    assert len(tree.xpath("//img")) == 1
    assert "No picture was kept" in text_of(tree)


def test_pictures_of_an_earlier_page_are_removed_and_nothing_else(written, tmp_path):
    written()
    files = tmp_path / "page" / "index_files"
    (tmp_path / "page" / "mine.jpg").write_bytes(b"x")
    before = {path.name for path in files.iterdir()}
    written(entries=(make_entry(0),))
    after = {path.name for path in files.iterdir()}
    assert after < before
    assert len(after) == 2
    assert (tmp_path / "page" / "mine.jpg").exists()


def test_the_same_summary_makes_the_same_page(tmp_path):
    first = write_page(make_summary(), tmp_path / "a", read_picture)
    second = write_page(make_summary(), tmp_path / "b", read_picture)
    assert first.read_bytes() == second.read_bytes()


def test_a_page_that_cannot_be_written_is_a_fatal_fault(tmp_path):
    (tmp_path / "page").write_text("a file, not a folder")
    with pytest.raises(FatalFault, match="could not be written"):
        write_page(make_summary(), tmp_path / "page", read_picture)


def test_an_old_page_stays_whole_when_the_new_one_fails(tmp_path, monkeypatch):
    path = write_page(make_summary(), tmp_path, read_picture)
    before = path.read_bytes()
    monkeypatch.setattr(page, "render", lambda *_: (_ for _ in ()).throw(FatalFault("no template")))
    with pytest.raises(FatalFault):
        write_page(make_summary(title="Another"), tmp_path, read_picture)
    assert path.read_bytes() == before


def test_headings_and_tables_can_be_walked_by_a_reader_of_screens(written):
    tree = written()
    assert tree.get("lang") == "en"
    assert len(tree.xpath("//h1")) == 1
    assert len(tree.xpath("//main")) == 1
    for section in tree.xpath("//section[@aria-labelledby]"):
        assert tree.xpath(f"//h2[@id='{section.get('aria-labelledby')}']")
    for table in tree.xpath("//table"):
        assert table.xpath(".//th[@scope='col']")
    identifiers = tree.xpath("//@id")
    assert len(identifiers) == len(set(identifiers))
    assert tree.xpath("//meta[@name='viewport']")


def read_colours(block):
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card"), ("accent", "card"), ("accent", "paper"),
     ("good", "card"), ("bad", "card"), ("warn-ink", "warn-paper"), ("ink", "chip")],
)  # fmt: skip
def test_text_has_enough_contrast_in_both_themes(theme, ink, paper):
    from sinks.pages.palette import measure_contrast

    style = (page._TEMPLATES / "style.css").read_text(encoding="utf-8")
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    colours = read_colours(light) if theme == "light" else read_colours(dark.split("* {")[0])

    def to_rgb(name):
        return tuple(int(colours[name][place : place + 2], 16) for place in (1, 3, 5))

    assert measure_contrast(to_rgb(ink), to_rgb(paper)) >= 4.5


# --- the door to jinja2 ---


def list_jinja_exceptions():
    found = [getattr(jinja2.exceptions, name) for name in dir(jinja2.exceptions)]
    kinds = {kind for kind in found if isinstance(kind, type) and issubclass(kind, jinja2.TemplateError)}
    return sorted(kinds, key=str)


def test_jinja_has_exception_classes_to_look_at():
    assert len(list_jinja_exceptions()) >= 8


@pytest.mark.parametrize("kind", list_jinja_exceptions())
def test_what_jinja_raises_is_a_fatal_fault(kind):
    error = kind("boom", 1) if issubclass(kind, jinja2.TemplateSyntaxError) else kind("boom")
    with pytest.raises(FatalFault) as caught, page.translate():
        raise error
    assert caught.value.__cause__ is error
