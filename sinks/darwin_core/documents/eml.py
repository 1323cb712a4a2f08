"""eml.xml: who made the data set, what it covers and how it was made (EML 2.2.0, GBIF metadata profile 1.3)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from sinks.darwin_core.documents.meta import from_xml, to_xml
from sinks.darwin_core.identification import DEMONSTRATION
from sinks.darwin_core.rows import to_number
from sinks.darwin_core.terms import LICENCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.forms.taxa import Taxon
    from sinks.darwin_core.plan import DatasetPlan, Party

NAMESPACE = "https://eml.ecoinformatics.org/eml-2.2.0"
_SCHEMA = f"{NAMESPACE} https://rs.gbif.org/schema/eml-gbif-profile/1.3/eml.xsd"
_SYSTEM = "https://gbif.org"
_DEGREE_DECIMALS = 7
_DEMONSTRATION_MARK = " (demonstration model)"


#: What an event without an occurrence means; the taxa of a run stand with its sample.
_NOTHING_FOUND = "An event without an occurrence was looked at and nothing was found; that is no statement of absence."
_NOTHING_IN_SAMPLES = (
    "A run has no occurrences of its own, they stand with its sample. Any other event without an occurrence was looked at and no "
    "taxon was found; that is no statement of absence."
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an archive turned out to cover.

    Attributes
    ----------
    lat_deg, lon_deg
        South and north; west and east.
    stills, clips, samples, runs, occurrences
        Rows of each kind.
    validated
        Occurrences that people validated.
    methods
        One sentence per observer.
    content
        Digest over the tables: another content is another version of the document.
    """

    lat_deg: tuple[float, float]
    lon_deg: tuple[float, float]
    start_at: dt.datetime
    end_at: dt.datetime
    taxa: tuple[Taxon, ...]
    methods: tuple[str, ...]
    stills: int
    clips: int
    occurrences: int
    demonstration: bool
    content: str
    samples: int = 0
    runs: int = 0
    validated: int = 0

    @property
    def events(self) -> str:
        """What was looked at, in words; kinds that the archive has none of are left out beside samples."""
        cameras = f"{self.stills} still pictures and {self.clips} video clips"
        if not self.samples:
            return cameras
        water = f"{self.samples} water samples with {self.runs} runs over them"
        return f"{cameras} and {water}" if self.stills or self.clips else water


def to_title(plan: DatasetPlan, *, demonstration: bool) -> str:
    """Return the title of the data set, which says so when a demonstration model took part."""
    return f"{plan.title}{_DEMONSTRATION_MARK}" if demonstration else plan.title


def write_eml(plan: DatasetPlan, coverage: Coverage) -> bytes:
    """Return eml.xml; its elements stand in the order that both schemas accept."""
    ET.register_namespace("eml", NAMESPACE)
    root = ET.Element(
        f"{{{NAMESPACE}}}eml",
        {
            "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation": _SCHEMA,
            "packageId": f"{plan.dataset_id}/{coverage.content[:16]}",
            "system": _SYSTEM,
            "scope": "system",
            "{http://www.w3.org/XML/1998/namespace}lang": plan.language,
        },
    )
    dataset = ET.SubElement(root, "dataset")
    _add_identity(dataset, plan, coverage)
    _add_text(dataset, plan, coverage)
    _add_coverage(dataset, plan, coverage)
    for party in plan.contacts:
        _add_party(dataset, "contact", party)
    _add_methods(dataset, plan, coverage)
    _add_gbif(root, plan, coverage)
    return to_xml(root)


def read_title(data: bytes) -> str:
    """Return the title of an eml.xml.

    Raises
    ------
    ValueError
        If it is no XML, or has no title.
    """
    title = from_xml(data).findtext("dataset/title", "").strip()
    if not title:
        message = "eml.xml has no title"
        raise ValueError(message)
    return title


def to_release_day(plan: DatasetPlan, coverage: Coverage) -> dt.date:
    """Return the day the plan gives, else the day of the newest event: no clock has a say."""
    return plan.published_on or coverage.end_at.astimezone(dt.UTC).date()


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    element.text = text
    return element


def _add_identity(dataset: ET.Element, plan: DatasetPlan, coverage: Coverage) -> None:
    _add(dataset, "alternateIdentifier", plan.identifier or plan.dataset_id)
    _add(dataset, "title", to_title(plan, demonstration=coverage.demonstration))
    for party in plan.creators:
        _add_party(dataset, "creator", party)
    _add_party(dataset, "metadataProvider", plan.creators[0])
    _add(dataset, "pubDate", to_release_day(plan, coverage).isoformat())
    _add(dataset, "language", plan.language)


def _add_party(dataset: ET.Element, role: str, party: Party) -> None:
    element = _add(dataset, role)
    if party.surname:
        person = _add(element, "individualName")
        if party.given_name:
            _add(person, "givenName", party.given_name)
        _add(person, "surName", party.surname)
    for name, text in (("organizationName", party.organisation), ("positionName", party.position)):
        if text:
            _add(element, name, text)
    if party.email:
        _add(element, "electronicMailAddress", party.email)
    if party.orcid:
        _add(element, "userId", party.orcid, directory="https://orcid.org/")


def _add_text(dataset: ET.Element, plan: DatasetPlan, coverage: Coverage) -> None:
    abstract = _add(dataset, "abstract")
    if coverage.demonstration:
        _add(abstract, "para", f"{DEMONSTRATION}: this archive shows the way data take, not what lives in the sea.")
    for paragraph in plan.abstract:
        _add(abstract, "para", paragraph)
    _add(
        abstract,
        "para",
        f"The archive holds {coverage.events} as events, and "
        f"{coverage.occurrences} occurrences. {_NOTHING_IN_SAMPLES if coverage.samples else _NOTHING_FOUND}",
    )
    if plan.keywords:
        keywords = _add(dataset, "keywordSet")
        for keyword in plan.keywords:
            _add(keywords, "keyword", keyword)
        _add(keywords, "keywordThesaurus", "n/a")
    name, address = LICENCES[plan.licence]
    rights = _add(_add(dataset, "intellectualRights"), "para", "Licence: ")
    _add(_add(rights, "ulink", url=address), "citetitle", name)
    licensed = _add(dataset, "licensed")
    _add(licensed, "licenseName", name)
    _add(licensed, "url", address)
    _add(licensed, "identifier", plan.licence)


def _add_coverage(dataset: ET.Element, plan: DatasetPlan, coverage: Coverage) -> None:
    element = _add(dataset, "coverage")
    where = _add(element, "geographicCoverage")
    _add(where, "geographicDescription", plan.geographic_description)
    box = _add(where, "boundingCoordinates")
    bounds = (*coverage.lon_deg, *reversed(coverage.lat_deg))
    for side, value in zip(("west", "east", "north", "south"), bounds, strict=True):
        _add(box, f"{side}BoundingCoordinate", to_number(value, _DEGREE_DECIMALS))
    span = _add(_add(element, "temporalCoverage"), "rangeOfDates")
    for end, moment in (("beginDate", coverage.start_at), ("endDate", coverage.end_at)):
        _add(_add(span, end), "calendarDate", moment.astimezone(dt.UTC).date().isoformat())
    if coverage.taxa:
        taxonomic = _add(element, "taxonomicCoverage")
        for taxon in coverage.taxa:
            entry = _add(taxonomic, "taxonomicClassification")
            _add(entry, "taxonRankName", taxon.rank)
            _add(entry, "taxonRankValue", taxon.scientific_name)


def _add_methods(dataset: ET.Element, plan: DatasetPlan, coverage: Coverage) -> None:
    methods = _add(dataset, "methods")
    for sentence in coverage.methods:
        _add(_add(_add(methods, "methodStep"), "description"), "para", sentence)
    sampling = _add(methods, "sampling")
    extent = (
        f"{coverage.events} from "
        f"{coverage.start_at.astimezone(dt.UTC).date()} to {coverage.end_at.astimezone(dt.UTC).date()}."
    )
    _add(_add(_add(sampling, "studyExtent"), "description"), "para", extent)
    _add(_add(sampling, "samplingDescription"), "para", plan.sampling_description)
    control = _add(_add(methods, "qualityControl"), "description")
    for sentence in _to_quality(coverage):
        _add(control, "para", sentence)


def _to_quality(coverage: Coverage) -> Iterator[str]:
    """Yield how numbers were made, and who looked over them."""
    by_machine = "Identifications were made by machine and not validated by people."
    if coverage.validated:
        by_machine = (
            f"Identifications were made by machine, except {coverage.validated} occurrences that people validated, who are "
            "named there."
        )
    of_cameras = (
        "The number of a taxon in a clip is MaxN, the "
        "largest number seen in one frame, so that no animal is counted twice; in a still it is the number seen in it."
    )
    yield by_machine if coverage.samples and not (coverage.stills or coverage.clips) else f"{by_machine} {of_cameras}"
    if coverage.samples:
        yield (
            "The number of a taxon in a sample is the number of its particles in all runs over it, without those seen before, "
            "bubbles and calibration beads; a particle may be a chain or colony of cells. Particles below the score of their "
            "class are in no occurrence. Abundance is that number divided by the sub-sampling coefficient and by the volume "
            "sampled; its interval is the exact one of a Poisson count (Garwood 1936, Biometrika 28:437-442) and holds "
            "nothing but the error of counting."
        )


def _add_gbif(root: ET.Element, plan: DatasetPlan, coverage: Coverage) -> None:
    gbif = _add(_add(_add(root, "additionalMetadata"), "metadata"), "gbif")
    day = to_release_day(plan, coverage)
    _add(gbif, "dateStamp", f"{day.isoformat()}T00:00:00Z")
    _add(gbif, "hierarchyLevel", "dataset")
    authors = ", ".join(dict.fromkeys(party.name for party in plan.creators))
    title = to_title(plan, demonstration=coverage.demonstration)
    citation = _add(
        gbif, "citation", f"{authors} ({day.year}). {title}. Data set {plan.identifier or plan.dataset_id}."
    )
    if plan.identifier:
        citation.set("identifier", plan.identifier)
