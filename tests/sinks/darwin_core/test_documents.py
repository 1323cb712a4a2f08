"""meta.xml, eml.xml and the zip: valid for the schemas of others, equal bytes for equal content."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from schemas.forms.taxa import Taxon
from sinks.darwin_core.documents.eml import Coverage, read_title, write_eml
from sinks.darwin_core.documents.meta import read_meta, write_meta
from sinks.darwin_core.documents.pack import pack_folder
from sinks.darwin_core.plan import Party
from sinks.darwin_core.terms import TABLES
from tests.sinks.darwin_core.builders import MORNING, make_plan


class LocalSchemas(etree.Resolver):
    """Answers requests for schemas on the network with the file of that name."""

    def __init__(self, folder):
        self.folder = folder

    def resolve(self, url, public_id, context):
        local = self.folder / url.rsplit("/", 1)[-1]
        if url.startswith("http") and local.is_file():
            return self.resolve_filename(str(local), context)
        return None


def load_schema(path):
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(LocalSchemas(path.parent if (path.parent / "xml.xsd").is_file() else path.parent.parent))
    return etree.XMLSchema(etree.parse(path, parser))


def make_coverage(**changes):
    fields = {
        "lat_deg": (41.0, 41.5),
        "lon_deg": (1.5, 2.5),
        "start_at": MORNING,
        "end_at": MORNING + dt.timedelta(days=9),
        "taxa": (Taxon(10194, "Actinopterygii", "gigaclass", "Animalia"),),
        "methods": ("Detector a.", "Detector b."),
        "stills": 3,
        "clips": 2,
        "occurrences": 4,
        "demonstration": False,
        "content": "ab" * 32,
    }
    return Coverage(**{**fields, **changes})


RICH = make_plan(
    creators=(
        Party(given_name="Given", surname="Surname & <Sons>", position="Curator", orcid="0000-0000-0000-0000"),
        Party(organisation="Example Marine Institute", email="data@example.org"),
    ),
    identifier="https://doi.org/10.0000/example",
    abstract=("First.", "Second < third & fourth."),
)


@pytest.mark.parametrize("schema", ["eml.xsd", "eml-2.2.0/eml.xsd"])
@pytest.mark.parametrize(
    ("plan", "coverage"),
    [
        (make_plan(), make_coverage()),
        (make_plan(keywords=(), media_url=None, licence="CC0"), make_coverage(taxa=())),
        (RICH, make_coverage(demonstration=True)),
    ],
)
def test_the_metadata_are_valid_for_the_gbif_profile_and_for_eml(plan, coverage, schema, reference):
    judge = load_schema(reference / "dwc" / "xsd" / schema)
    judge.assertValid(etree.fromstring(write_eml(plan, coverage)))


def test_the_eml_schema_can_say_no(reference):
    judge = load_schema(reference / "dwc" / "xsd" / "eml.xsd")
    broken = write_eml(make_plan(), make_coverage()).replace(b"<pubDate>2025-06-10</pubDate>", b"")
    assert not judge.validate(etree.fromstring(broken))


def test_the_column_map_is_valid_for_the_text_guide(reference):
    judge = load_schema(reference / "dwc" / "xsd" / "tdwg_dwc_text_offline.xsd")
    judge.assertValid(etree.fromstring(write_meta(TABLES)))


def test_what_is_written_of_columns_is_what_is_read():
    core, *others = read_meta(write_meta(TABLES))
    assert (core.is_core, core.link, core.name) == (True, 0, "event.txt")
    assert all(not table.is_core and table.link == 0 for table in others)
    assert [table.fields for table in (core, *others)] == [table.to_fields() for table in TABLES]


@pytest.mark.parametrize("data", [b"", b"<archive", b'<archive xmlns="http://rs.tdwg.org/dwc/text/"/>'])
def test_a_column_map_that_is_none_is_refused(data):
    with pytest.raises(ValueError, match=r"XML|no table"):
        read_meta(data)


def test_the_title_survives_marks_that_xml_escapes():
    plan = make_plan(title="Fish & <chips>")
    assert read_title(write_eml(plan, make_coverage())) == "Fish & <chips>"
    assert read_title(write_eml(plan, make_coverage(demonstration=True))) == "Fish & <chips> (demonstration model)"


def test_north_and_south_are_not_swapped():
    root = etree.fromstring(write_eml(make_plan(), make_coverage()))
    sides = {side: root.findtext(f".//{side}BoundingCoordinate") for side in ("north", "south", "west", "east")}
    assert sides == {"north": "41.5", "south": "41", "west": "1.5", "east": "2.5"}


def test_the_release_day_is_the_newest_event_unless_the_plan_gives_one():
    assert b"<pubDate>2025-06-10</pubDate>" in write_eml(make_plan(), make_coverage())
    assert b"<pubDate>2026-01-02</pubDate>" in write_eml(make_plan(published_on=dt.date(2026, 1, 2)), make_coverage())


def fill(folder, *names):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f"text of {name}\n" * 1000, encoding="utf-8")
    return folder


def test_the_same_files_make_the_same_zip_whenever_and_in_whatever_order_they_were_made(tmp_path):
    one = fill(tmp_path / "one", "a.txt", "b.txt")
    two = fill(tmp_path / "two", "b.txt", "a.txt")
    os.utime(two / "a.txt", (1, 1))
    (two / "b.txt").chmod(0o600)
    assert pack_folder(one, tmp_path / "1.zip") == pack_folder(two, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_the_digests_are_of_the_zip_and_of_what_is_in_it(tmp_path):
    folder = fill(tmp_path / "in", "a.txt")
    whole, _ = pack_folder(folder, tmp_path / "out" / "a.zip")
    assert whole == hashlib.sha256((tmp_path / "out" / "a.zip").read_bytes()).hexdigest()
    with zipfile.ZipFile(tmp_path / "out" / "a.zip") as packed:
        assert packed.testzip() is None
        assert packed.read("a.txt") == (folder / "a.txt").read_bytes()


def test_a_zip_that_fails_half_way_leaves_the_older_one_and_no_scrap(tmp_path):
    pack_folder(fill(tmp_path / "good", "a.txt"), tmp_path / "a.zip")
    before = (tmp_path / "a.zip").read_bytes()
    bad = fill(tmp_path / "bad", "a.txt")
    (bad / "b.txt").mkdir()
    with pytest.raises(OSError, match=r"b\.txt"):
        pack_folder(bad, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "bad", "good"]


@pytest.mark.parametrize(
    ("file", "schema"),
    [("eml.xml", "eml.xsd"), ("eml.xml", "eml-2.2.0/eml.xsd"), ("meta.xml", "tdwg_dwc_text_offline.xsd")],
)
def test_the_documents_of_a_published_archive_are_valid(file, schema, reference):
    judge = load_schema(reference / "dwc" / "xsd" / schema)
    judge.assertValid(etree.parse(Path(__file__).parent / "golden" / file))
