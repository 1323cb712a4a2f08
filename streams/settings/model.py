"""What can be set, with its default, its unit and its bounds; unknown names are refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.noun import Name
from streams.feeds.capture import CaptureRule
from streams.feeds.folder import FolderRule
from streams.feeds.mongo.rule import CollectionRule
from streams.feeds.watch import WatchRule


class Settings(BaseModel):
    """What all settings share: frozen, and no name that is not ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSettings(Settings):
    """Where the topics are.

    Attributes
    ----------
    url
        ``embedded:`` (a log in the deployment's folder), ``embedded:///absolute/path/log.db`` or ``kafka://host:port``.
    partitions
        Of topics that are made; more let more workers share the work.
    tls, authority_file, certificate_file, key_file, mechanism, username, password_file
        How to introduce oneself; a password is never written into this file, only the name of the file that holds it.
    """

    url: str = "embedded:"
    partitions: Annotated[int, Field(ge=1, le=256)] = 4
    topic_prefix: str = ""
    tls: bool = False
    authority_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None


class StoreSettings(Settings):
    """Where originals, results and facts are.

    Attributes
    ----------
    url
        ``file:`` (a folder in the deployment's folder), ``file:///absolute/path`` or an S3 address.
    allowed_buckets
        Other buckets of the same server that references may point into.
    keep_originals_days
        Originals older than this are removed; absent keeps them, which replay and retry need.
    """

    url: str = "file:"
    access_key: SecretStr | None = None
    access_key_file: Path | None = None
    secret_key: SecretStr | None = None
    secret_key_file: Path | None = None
    allowed_buckets: tuple[str, ...] = ()
    keep_originals_days: Annotated[int, Field(ge=1)] | None = None


class WorkerSettings(Settings):
    """How the work is done.

    Attributes
    ----------
    threads
        Units at work at once; absent takes the number of processors.
    outage_after_s
        How long a broker or store may be away before the worker ends with exit code 3.
    stall_after_s
        How long a partition with records waiting may stand still before the worker ends with its stacks; 0 for never.
    dead_after_s
        A worker on Kafka that the broker hears nothing of for so long is taken for dead, and its work goes to others.
    stop_within_s
        How long a worker that is asked to stop waits for what is at work; what is left then comes again.
    pause_last, pause_share
        A feed is paused when this share of its last units failed for one reason; ``pause_last = 0`` never pauses.
    commit_every_s
        How often acknowledged work is committed: what is looked at again after a crash.
    health_port
        Where ``/healthz`` answers on 127.0.0.1; absent for nowhere.
    """

    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    outage_after_s: Annotated[float, Field(gt=0)] = 300.0
    stall_after_s: Annotated[float, Field(ge=0)] = 300.0
    dead_after_s: Annotated[float, Field(ge=6, le=300)] = 20.0
    stop_within_s: Annotated[float, Field(gt=0, le=3_600)] = 60.0
    pause_last: Annotated[int, Field(ge=0, le=10_000)] = 30
    pause_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    commit_every_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    health_port: Annotated[int, Field(ge=1, le=65_535)] | None = None


class LimitSettings(Settings):
    """Upper bounds of what is opened; see the decoder's limits."""

    still_pixels: Annotated[int, Field(ge=1)] = 100_000_000
    frame_pixels: Annotated[int, Field(ge=1)] = 36_000_000
    still_bytes: Annotated[int, Field(ge=1)] = 256 << 20
    clip_images: Annotated[int, Field(ge=1)] = 4_320_000
    still_wait_s: Annotated[float, Field(gt=0)] = 30.0
    clip_wait_s: Annotated[float, Field(gt=0)] = 3_600.0
    image_wait_s: Annotated[float, Field(gt=0)] = 30.0
    archive_bytes: Annotated[int, Field(ge=1)] = 32_768 << 20
    memory_mib: Annotated[int, Field(ge=64)] = 2_048


class InstallationSettings(Settings):
    """A service: which detector looks at its feeds' units, with which parameters.

    Attributes
    ----------
    detector
        A name of the registry: ``yolo``, ``motion``, ``scripted``.
    parameters
        Whatever that detector takes; every one of them is part of the results' identity.
    pictures, pictures_per_unit
        Which images are kept as annotated pictures, and how many of one unit; of runs, ``none`` leaves the plot out.
    crops_per_unit
        How many findings of a unit of a camera are kept as pictures of their own, a tenth of room around each.
    beads_um
        Of runs, least and most diameter (ESD, um) of the calibration beads that were put into the samples: round particles
        (circularity from 0.9) between them are flagged as beads. Absent: nothing is called a bead by its shape.
    bubbles_um
        Likewise of the air bubbles of this instrument, which nothing else may be as round and as large as.
    cutouts
        Of runs, how the pictures of particles are kept: ``sheets`` (a contact sheet per class), ``images`` (all of them, in one
        zip), ``none``.
    """

    detector: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    pictures: Literal["none", "found", "all"] = "found"
    pictures_per_unit: Annotated[int, Field(ge=0, le=10_000)] = 8
    crops_per_unit: Annotated[int, Field(ge=0, le=10_000)] = 0
    cutouts: Literal["none", "sheets", "images"] = "sheets"
    beads_um: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = None

    bubbles_um: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = None

    @model_validator(mode="after")
    def _has_ranges_of_spheres(self) -> Self:
        for name, given in (("beads_um", self.beads_um), ("bubbles_um", self.bubbles_um)):
            if given is not None and given[0] > given[1]:
                message = f"{name} is the least and the most diameter, in this order"
                raise ValueError(message)
        return self


class SamplingSettings(Settings):
    """Which frames of a clip are looked at: at most one of the three."""

    every_n: Annotated[int, Field(ge=1)] = 1
    every_s: Annotated[float, Field(ge=0)] = 0.0
    key_frames: bool = False


class FeedSettings(Settings):
    """One source: a camera, an instrument, a pilot.

    Attributes
    ----------
    reads
        ``pictures``: every file is a unit, a still or a clip. ``runs``: every folder or zip that an instrument wrote is one.
    owner
        Whom a use without a login belongs to.
    country
        Declared country of the owner, ISO 3166; ``ZZ`` when not known.
    institution
        Home institution of the owner, as the registry ROR names it.
    folder, watch
        Which files of a folder are the feed's, and when one that appears is complete.
    collection
        A collection of MongoDB that lists the feed's images, for ``observatory watch`` without a folder.
    deployments
        CSV table of the feed's dated deployments: position, depth, camera, time zone, clock offset, masks.
    samples
        CSV sample sheet of a feed of runs: when, where and of how much of the sea each sample was taken.
    """

    installation: Name
    reads: Literal["pictures", "runs"] = "pictures"
    owner: Name = "unknown"
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "ZZ"
    institution: Annotated[str, Field(pattern=r"^0[a-z0-9]{6}[0-9]{2}$")] | None = None
    instrument: Name = "camera"
    capture: CaptureRule = CaptureRule()
    sampling: SamplingSettings = SamplingSettings()
    folder: FolderRule = FolderRule()
    watch: WatchRule = WatchRule()
    collection: CollectionRule | None = None
    deployments: Path | None = None
    samples: Path | None = None


class ProjectSettings(Settings):
    """The project that is reported on.

    Attributes
    ----------
    starts
        First month of the project, ``2022-09``: months M1, M2, ... are counted from it.
    pseudonym_key_file
        File of the key that turns logins into pseudonyms; kept apart from everything else. With the scope ``period`` a
        folder of them, each named for its period: ``M13-24.key``.
    pseudonym_scope
        Whether a user is recognised in the whole project or in one period only.
    country_file
        File in MaxMind's format that gives the country of an address.
    robots_file
        List of robots as COUNTER publishes it, which the programs of visitors are held against.
    least_persons_by_country
        Numbers of fewer persons are not told by country; with 1 all are.
    sheets_folder
        Folder of the metric sheets, from which period reports are made.
    key_custodian
        Who keeps that key, as a role: ``data protection officer of the institute``.
    final_payment
        The day of the project's final payment, from which the audit window runs.
    audit_years
        How long the audit window is: so long the key is kept.
    closed_folder
        Where sealed periods are kept; absent, in ``closed`` under the deployment's folder.
    """

    name: str = "observatory"
    starts: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = None
    pseudonym_key_file: Path | None = None
    pseudonym_scope: Literal["project", "period"] = "project"
    country_file: Path | None = None
    robots_file: Path | None = None
    least_persons_by_country: Annotated[int, Field(ge=1, le=1_000)] = 3
    sheets_folder: Path | None = None
    key_custodian: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    final_payment: dt.date | None = None
    audit_years: Annotated[int, Field(ge=1, le=50)] = 5
    closed_folder: Path | None = None


class DatasetSettings(Settings):
    """What is published.

    Attributes
    ----------
    plan
        TOML file that describes the data set: title, licence, people, area.
    label_map
        Name of a label map that comes with the program; ``label_map_file`` names one of your own instead.
    """

    plan: Path | None = None
    label_map: str = ""
    label_map_file: Path | None = None


class Deployment(Settings):
    """The whole settings file.

    Attributes
    ----------
    name
        Name of the deployment: workers of one name share its work.
    folder
        Where a deployment keeps what is not in broker or store; paths below are relative to the settings file.
    inline_limit
        Bytes above which a picture goes to the store first and the topic carries a reference.
    """

    name: Name = "observatory"
    folder: Path = Path("observatory-data")
    inline_limit: Annotated[int, Field(ge=0, le=900_000)] = 900_000
    broker: BrokerSettings = BrokerSettings()
    store: StoreSettings = StoreSettings()
    worker: WorkerSettings = WorkerSettings()
    limits: LimitSettings = LimitSettings()
    project: ProjectSettings = ProjectSettings()
    dataset: DatasetSettings = DatasetSettings()
    models: Path | None = None
    installations: dict[Name, InstallationSettings] = Field(default_factory=dict)
    feeds: dict[Name, FeedSettings] = Field(default_factory=dict)
