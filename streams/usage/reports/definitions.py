"""What each figure means: its name, unit and definition, versioned; a changed meaning is a new version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: The rules of counting that every figure here follows: whose uses count, how images are told apart, what is a user.
PROFILE = "observatory-1"

Section = Literal["images", "uses", "people", "uncounted"]

SECTIONS: dict[Section, str] = {
    "images": "Images and units",
    "uses": "Uses",
    "people": "Users and countries",
    "uncounted": "Shown, not counted",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure.

    Attributes
    ----------
    metric
        Its code.
    unit
        What is counted.
    meaning
        What it counts, as it stands in reports.
    additive
        Whether the figures of periods that do not overlap may be added up to that of all of them.
    """

    metric: str
    label: str
    section: Section
    unit: str
    meaning: str
    additive: bool = True
    version: int = 1

    @property
    def name(self) -> str:
        """``images_processed@1``."""
        return f"{self.metric}@{self.version}"


_ALL = (
    Definition(
        "images_processed", "Images processed", "images", "image",
        "Images with a durable result, each counted once per installation and project, in the period of its first "
        "result, whatever model or door; told apart by the digest of their unit and their place in it: a later use of "
        "the same content adds the images by which it exceeds the largest before. Tiles are not images. Purpose user "
        "only.",
    ),
    Definition(
        "tiles_processed", "Tiles processed", "images", "tile",
        "Pre-cut tiles with a durable result, counted as images are, and never added to them.",
    ),
    Definition(
        "units_processed", "Units processed", "images", "unit",
        "Units (stills, clips, runs, scans, scenes) with a durable result, each counted once, by kind; kinds never add.",
    ),
    Definition(
        "images_reprocessed", "Images reprocessed", "images", "image",
        "Images that were looked at again after their first durable result; not among the images processed.",
    ),
    Definition(
        "images_unsure", "of these, perhaps new", "images", "image",
        "Images reprocessed in a use that looked at another number of images of the same content than all before: which "
        "ones is not known, so some may be new.",
    ),
    Definition(
        "image_runs", "Image runs", "images", "image",
        "Every looking at an image with a durable result: images processed and images reprocessed together.",
    ),
    Definition(
        "demonstration_images", "of these, first by a demonstration model", "images", "image",
        "Images processed whose first durable result came from a model that is for demonstration only.",
    ),
    Definition(
        "units_ingested", "Units ingested", "images", "unit",
        "Units taken in, each counted once per installation by the digest of its content, by kind.",
    ),
    Definition(
        "images_ingested", "Images ingested", "images", "image",
        "Images taken in as units of their own, each counted once; the frames of a clip are known only when it is opened.",
    ),
    Definition(
        "images_annotated", "Images annotated", "images", "image",
        "Images that persons annotated, as often as their annotations were kept; not among the images processed.",
    ),
    Definition(
        "requests", "Requests", "uses", "request",
        "Deliveries, reads, refusals and failures together; health checks are none.",
    ),
    Definition(
        "deliveries", "Deliveries", "uses", "use",
        "Durable results delivered, one for each unit and observer; doing the same again delivers nothing new.",
    ),
    Definition(
        "reads", "Reads", "uses", "use",
        "Results and datasets handed out.",
    ),
    Definition(
        "refusals", "Refusals", "uses", "request",
        "Requests that could not be served because of what was sent, by reason.",
    ),
    Definition(
        "failures", "Failures", "uses", "request",
        "Requests that could not be served because of us, by reason.",
    ),
    Definition(
        "health_checks", "Health checks", "uses", "request",
        "Requests that only asked whether the installation answers; counted nowhere else.",
    ),
    Definition(
        "unique_users", "Unique users", "people", "person",
        "Different persons with a login (identity tier 4) who had a delivery or read. Not measured where nobody can log "
        "in. Periods and installations are united, never added.",
        additive=False,
    ),
    Definition(
        "user_groups", "User groups", "people", "institution",
        "Different home institutions (ROR) of deliveries and reads. Not measured where no use tells its institution. "
        "United, never added.",
        additive=False,
    ),
    Definition(
        "uses_by_tier", "Uses by identity tier", "people", "use",
        "Deliveries and reads by how well the user is known: 1 declared owner of a feed, 2 address, 3 cookie or key, "
        "4 login.",
    ),
    Definition(
        "uses_by_owner", "Uses of declared owners", "people", "use",
        "Deliveries and reads without a login, by the owner that the feed declares (identity tier 1); owners are not users.",
    ),
    Definition(
        "countries", "Countries", "people", "name",
        "Countries that deliveries and reads are from, by name; the unknown country is none.",
        additive=False,
    ),
    Definition(
        "country_count", "Number of countries", "people", "country",
        "How many names the row of countries has. United, never added.",
        additive=False,
    ),
    Definition(
        "uses_by_country", "Uses by country", "people", "use",
        "Deliveries and reads by country, the unknown one (ZZ) among them, each with its share. Of countries with few "
        "persons (fewer than three unless set otherwise), and of so many others that none can be worked out, the numbers "
        "are suppressed and told together, for each period; such sums do not add up over periods.",
        version=2,
    ),
    Definition(
        "uses_by_country_source", "Uses by source of the country", "people", "use",
        "Deliveries and reads by how the country is known: identity provider, address, declared for the feed, or not. "
        "Suppressed where it would tell how many of an unknown country are among uses by country that are suppressed.",
        version=2,
    ),
    Definition(
        "uncounted_uses", "Uses not counted", "uncounted", "use",
        "Deliveries and reads by robots and tests, or for another purpose than a user's; in no other row.",
    ),
    Definition(
        "uncounted_images", "Image runs not counted", "uncounted", "image",
        "Images looked at in uses that are not counted.",
    ),
    Definition(
        "events", "Events recorded", "uncounted", "event",
        "Everything that doors recorded, each once: deliveries, reads, submissions, annotations, refusals, failures and "
        "health checks. A record that was told again is the same event.",
    ),
    Definition(
        "removed_events", "Events removed by rule", "uncounted", "event",
        "Events that the rules of the profile observatory-1 remove, each by the first that applies: what was not delivered "
        "(success@1), tests and other purposes than a user's (user-purpose@1), what a door has marked as a robot's "
        "(robots@1).",
    ),
)  # fmt: skip

DEFINITIONS: dict[str, Definition] = {definition.metric: definition for definition in _ALL}
