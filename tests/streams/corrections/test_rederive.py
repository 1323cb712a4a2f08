"""A corrected table of deployments: results as if processed with it from the start, without a picture looked at again."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from schemas.canonical import to_sha256
from schemas.errors import FatalFault, TransientFault
from schemas.finding import Entry, Finding, Image, LookedImage, number_findings
from schemas.geometry import At, Box, WholePart
from schemas.media import Stored
from schemas.result import Complete, Effort, Observed, Observer, Result, ResultStored, TableContent, make_result
from schemas.unit import Claim, Part, Unit, WorkOrder, make_stamp, to_unit_key
from sinks.object_store.memory import MemoryStore
from sinks.result_tables import make_tables, read_entries
from sinks.results import Picturing, ResultSink
from streams.corrections.rederive import Rederivation, Rederived, Tables
from streams.feeds.capture import CaptureRule, Claims
from streams.feeds.corrections import correct_entry
from streams.feeds.deployments import Deployment, place_claims
from streams.feeds.masks import read_mask, to_mask_parameters

RULE = CaptureRule(file_name="%Y%m%d-%H%M%S-*.jpg", time_zone="UTC")
NAMES = ("20240422-080001-a.jpg", "20240422-080101-b.jpg", "20240601-000001-c.jpg")
MASK = read_mask("0 0, 640 0, 640 40, 0 40")
AT = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
TABLES = Tables(read_entries, make_tables)
MUTATIONS = {"write", "write_once", "write_file", "delete"}


def deploy(valid_from_at: str = "2024-01-01T00:00:00Z", **fields) -> Deployment:
    return Deployment(feed="cam", valid_from_at=valid_from_at, instrument="ipc608", **fields)


BEFORE = (deploy(), deploy("2024-05-01T00:00:00Z"))
SLOW = (deploy(clock_offset_s=3600), BEFORE[1])
MASKED = (deploy(mask=MASK), BEFORE[1])
BOTH = (deploy(clock_offset_s=3600, mask=MASK), BEFORE[1])


def look(index: int, findings: int = 2) -> Entry:
    image = Image(index=index, kind="still", width_px=640, height_px=480, place=WholePart(part="still"))
    boxes = (Box(xyxy=(10 * k, 10 + 100 * k, 10 * k + 9, 19 + 100 * k)) for k in range(findings))
    found = number_findings(Finding(n=0, by="method", label=f"fish {box.xyxy[0]:g}", geometry=box) for box in boxes)
    return LookedImage(image=image, findings=found)


@dataclass
class Observatory:
    """A store, and the way that units take into it: as router and workers do it, but for the pixels."""

    store: MemoryStore = field(default_factory=MemoryStore)
    announced: list[Rederived] = field(default_factory=list)

    def process(
        self,
        name: str,
        deployments: tuple[Deployment, ...],
        *,
        entries: tuple[Entry, ...] = (look(0),),
        detector: str = "motion",
    ) -> ResultStored:
        placed = place_claims(Claims(name), RULE, deployments)
        mask = placed.deployment.mask if placed.deployment else None
        sha256 = to_sha256(name.encode())
        stamp = make_stamp(
            installation="obsea", feed="cam", kind="still", captured=placed.dated.captured, content=sha256
        )
        unit = Unit(
            stamp=stamp,
            captured_from=placed.dated.captured_from,
            claimed_at=placed.dated.claimed_at,
            group=name,
            layout="still",
            parts=(Part(role="still", name=name, media_type="image/jpeg", size_bytes=9, sha256=sha256, at="k"),),
            where=placed.deployment.where if placed.deployment else BEFORE[0].where,
            instrument="ipc608",
            deployment=placed.deployment.to_digest() if placed.deployment else None,
        )
        claim = Claim(unit=unit, source="/feeds/cam", event=f"event of {name}")
        self.store.write_once(to_unit_key(stamp), claim.to_canonical(), media_type="application/json")
        observer = Observer(
            name=detector, version="1", reader="still/1", parameters={"threshold": 5, **to_mask_parameters(mask)}
        )
        flagged = tuple(correct_entry(entry, mask) for entry in entries)
        return self._store(
            WorkOrder(unit=unit, source=claim.source, event=claim.event, arrived_at=AT), observer, flagged
        )

    def _store(self, order: WorkOrder, observer: Observer, entries: tuple[Entry, ...]) -> ResultStored:
        sink = ResultSink(
            self.store,
            draw=lambda _pixels, findings, _demo: f"picture of {len(findings)}".encode(),
            make_tables=make_tables,
            picturing=Picturing("all", 2),
            runtime="test",
        )
        writing = sink.begin(order.unit.stamp, observer)
        for entry in entries:
            writing.add_picture(entry, np.zeros((1, 1, 3), np.uint8))
            writing.add(entry)
        content = writing.store_entries()
        outcome = Observed(coverage=Complete(), effort=Effort(images_looked=len(entries)), content=content)
        result = make_result(order.unit.stamp, observer, outcome)
        return writing.store(result, order, started_at=AT, attempt=1)

    def correct(self, deployments: tuple[Deployment, ...], rule: CaptureRule = RULE):
        rederivation = Rederivation(self.store, rule, deployments, TABLES, self.announced.append)
        return list(rederivation.run("cam"))

    def objects(self) -> dict[str, bytes]:
        store = MemoryStore()
        store._objects, store._keys = self.store._objects, self.store._keys
        return {info.key: store.read(info.key) for info in store.list("")}

    def copy(self) -> Observatory:
        """Return another observatory with the same objects, and nothing announced."""
        other = Observatory()
        for key, data in self.objects().items():
            other.store.write(key, data, media_type="")
        return other

    def standing(self) -> dict[str, bytes]:
        """Return the documents that no other one replaces, by object key."""
        objects = self.objects()
        return {
            key: data
            for key, data in objects.items()
            if key.endswith("/result.json") and key.replace("result.json", "superseded.json") not in objects
        }


def processed(deployments: tuple[Deployment, ...], **context) -> Observatory:
    observatory = Observatory()
    for name in NAMES:
        observatory.process(name, deployments, **context)
    return observatory


LARGE = tuple(look(index) for index in range(700))


@pytest.mark.parametrize("corrected", [SLOW, MASKED, BOTH], ids=["clock", "mask", "both"])
@pytest.mark.parametrize("entries", [(look(0),), (look(0, 0),), LARGE], ids=["inline", "empty", "tables"])
def test_the_standing_documents_are_those_of_processing_with_the_corrected_table(corrected, entries):
    observatory = processed(BEFORE, entries=entries)
    observatory.correct(corrected)
    assert observatory.standing() == processed(corrected, entries=entries).standing()


def test_only_the_results_of_the_corrected_deployment_change():
    observatory = processed(BEFORE)
    before = observatory.objects()
    steps = observatory.correct(SLOW)
    assert [len(step.rederived) for step in steps] == [1, 1, 0]
    assert {key: observatory.objects()[key] for key in before} == before


def test_an_old_document_says_which_one_took_its_place():
    observatory = processed(BEFORE)
    (old, _, _) = [json.loads(data) for data in observatory.standing().values()]
    first = observatory.correct(SLOW)[0].rederived[0]
    key = f"results/obsea/cam/2024/04/22/{old['unit']['unit_id']}/{old['result_id'][-16:]}/superseded.json"
    assert json.loads(observatory.store.read(key)) == {"by": first.stored.result_id}
    assert first.stored.supersedes == old["result_id"]


@pytest.mark.parametrize("corrected", [SLOW, MASKED, BOTH], ids=["clock", "mask", "both"])
def test_running_again_writes_and_announces_nothing(corrected):
    observatory = processed(BEFORE, entries=LARGE)
    observatory.correct(corrected)
    verbs: list[str] = []
    observatory.store._before = lambda verb, _key: verbs.append(verb)
    observatory.announced.clear()
    assert all(step.rederived == () for step in observatory.correct(corrected))
    assert MUTATIONS & set(verbs) == set()
    assert observatory.announced == []


def test_a_corrected_position_or_note_needs_nothing():
    observatory = processed(BEFORE)
    before = observatory.objects()
    observatory.correct((deploy(where=At(lat_deg=41, lon_deg=1, source="deployment")), BEFORE[1]))
    assert observatory.objects() == before


def test_the_announcement_is_that_of_the_old_result_but_for_what_changed():
    observatory = Observatory()
    old = observatory.process(NAMES[0], BEFORE)
    (rederived,) = observatory.correct(SLOW)[0].rederived
    stored = rederived.stored
    document = observatory.store.read(stored.document.key)
    assert stored.document.sha256 == to_sha256(document)
    assert Result.from_json(document).result_id == stored.result_id
    changed = {"result_id", "unit", "document", "where", "supersedes"}
    assert stored.model_dump(exclude=changed) == old.model_dump(exclude=changed)
    assert stored.unit.captured.at == old.unit.captured.at + dt.timedelta(hours=1)
    folder = stored.document.key.removesuffix("/result.json")
    assert ResultStored.from_json(observatory.store.read(f"{folder}/announcement.json")) == stored


def test_a_new_mask_keeps_the_capture_time_and_settles_nothing_anew():
    observatory = Observatory()
    old = observatory.process(NAMES[0], BEFORE)
    (rederived,) = observatory.correct(MASKED)[0].rederived
    assert rederived.stored.unit == old.unit
    assert rederived.settled is None
    document = Result.from_json(observatory.store.read(rederived.stored.document.key))
    (entry,) = document.outcome.content.images
    assert [finding.flags for finding in entry.findings] == [("masked",), ()]


def test_a_new_capture_time_settles_the_arrival_under_the_new_unit():
    observatory = Observatory()
    observatory.process(NAMES[0], BEFORE)
    (rederived,) = observatory.correct(SLOW)[0].rederived
    settled = rederived.settled
    assert (settled.source, settled.event, settled.subject) == ("/feeds/cam", f"event of {NAMES[0]}", NAMES[0])
    assert settled.end == Stored(unit_ids=(rederived.stored.unit.unit_id,))


def test_an_arrival_of_the_same_picture_is_a_duplicate_of_the_corrected_unit():
    observatory = Observatory()
    observatory.process(NAMES[0], BEFORE)
    (rederived,) = observatory.correct(SLOW)[0].rederived
    claim = Claim.from_json(observatory.store.read(to_unit_key(rederived.stored.unit)))
    placed = place_claims(Claims(NAMES[0]), RULE, SLOW)
    assert claim.unit.stamp.captured == placed.dated.captured
    assert (claim.event, claim.unit.deployment) == (f"event of {NAMES[0]}", SLOW[0].to_digest())
    assert claim.unit.claimed_at == dt.datetime(2024, 4, 22, 8, 0, 1, tzinfo=dt.UTC)


def test_pictures_stay_where_they_are_and_tables_go_with_their_document():
    observatory = Observatory()
    old = observatory.process(NAMES[0], BEFORE, entries=LARGE)
    (rederived,) = observatory.correct(SLOW)[0].rederived
    products = {product.role: product for product in rederived.stored.products}
    assert [product for product in old.products if product.role == "picture"] == [
        product for product in rederived.stored.products if product.role == "picture"
    ]
    folder = rederived.stored.document.key.removesuffix("/result.json")
    assert products["images_table"].key == f"{folder}/images.parquet"
    for product in rederived.stored.products:
        assert to_sha256(observatory.store.read(product.key)) == product.sha256
    result = Result.from_json(observatory.store.read(rederived.stored.document.key))
    assert isinstance(result.outcome.content, TableContent)
    tables = (observatory.store.read(f"{folder}/{name}.parquet") for name in ("images", "findings"))
    assert tuple(read_entries(result.outcome.content, *tables)) == LARGE


def test_results_of_several_observers_are_all_replaced():
    observatory = Observatory()
    for detector in ("motion", "yolo"):
        observatory.process(NAMES[0], BEFORE, detector=detector)
    (step,) = observatory.correct(BOTH)
    assert sorted(item.stored.observer_name for item in step.rederived) == ["motion", "yolo"]
    assert len(observatory.standing()) == 2


def test_a_correction_of_a_correction_replaces_what_stands():
    observatory = processed(BEFORE)
    later = (deploy(clock_offset_s=7200), BEFORE[1])
    for deployments in (SLOW, later):
        observatory.correct(deployments)
    assert observatory.standing() == processed(later).standing()


@pytest.mark.parametrize("corrected", [SLOW, MASKED, BOTH], ids=["clock", "mask", "both"])
def test_a_correction_taken_back_lets_the_first_results_stand_again(corrected):
    observatory = processed(BEFORE, entries=LARGE)
    standing = observatory.standing()
    for deployments in (corrected, BEFORE, corrected, BEFORE):
        observatory.correct(deployments)
        observatory.correct(deployments)
    assert observatory.standing() == standing


def test_a_wrong_zone_is_put_right_for_units_dated_by_their_names():
    observatory = processed(BEFORE)
    zoned = tuple(item.model_copy(update={"time_zone": "Europe/Madrid"}) for item in BEFORE)
    observatory.correct(zoned)
    assert observatory.standing() == processed(zoned).standing()


def test_a_unit_whose_time_can_no_longer_be_told_is_named_and_the_others_go_on():
    observatory = processed(BEFORE)
    zoned = (deploy(time_zone="Etc/UTC"), deploy("2024-05-01T00:00:00Z"))
    before = observatory.standing()
    steps = observatory.correct(zoned, CaptureRule(file_name="%Y%m%d-%H%M%S-*.jpg"))
    assert [step.refusal.reason if step.refusal else None for step in steps] == [None, None, "naive_time"]
    assert observatory.standing() == before


def test_a_unit_of_which_an_object_is_gone_is_named_and_the_others_go_on():
    observatory = processed(BEFORE)
    gone = next(key for key in observatory.objects() if key.endswith("/announcement.json"))
    observatory.store.delete(gone)
    steps = observatory.correct(SLOW)
    assert [step.refusal.reason if step.refusal else None for step in steps] == ["missing_object", None, None]


def test_a_unit_without_results_is_left_to_whoever_is_at_it():
    observatory = processed(BEFORE)
    for key in observatory.objects():
        if key.startswith("results/"):
            observatory.store.delete(key)
    before = observatory.objects()
    assert all(step.rederived == () for step in observatory.correct(SLOW))
    assert observatory.objects() == before


def test_other_feeds_are_not_touched():
    observatory = processed(BEFORE)
    rederivation = Rederivation(observatory.store, RULE, SLOW, TABLES, observatory.announced.append)
    assert list(rederivation.run("ca")) == []
    assert list(rederivation.run("cam-2")) == []


# --- faults ---


class Outage:
    """A store's owner that lets it fail once, at a given change, and counts the changes."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.changes = at, 0

    def __call__(self, verb: str, _key: str) -> None:
        self.changes += verb in MUTATIONS
        if verb in MUTATIONS and self.changes == self.at:
            raise TransientFault("The store is away.")


@pytest.mark.parametrize(("names", "entries"), [(NAMES, (look(0),)), (NAMES[:1], LARGE)], ids=["inline", "tables"])
@pytest.mark.parametrize("taken_back", [False, True], ids=["forward", "back"])
def test_a_run_that_dies_at_any_change_is_completed_by_the_next(names, entries, taken_back):
    start, target = Observatory(), BEFORE if taken_back else BOTH
    for name in names:
        start.process(name, BEFORE, entries=entries)
    if taken_back:
        start.correct(BOTH)
    whole, quiet = start.copy(), Outage()
    whole.store._before = quiet
    whole.correct(target)
    assert quiet.changes > 5
    for at in range(1, quiet.changes + 1):
        broken = start.copy()
        broken.store._before = Outage(at)
        with pytest.raises(TransientFault):
            broken.correct(target)
        pictures = {json.loads(data)["unit"]["content"] for data in broken.standing().values()}
        assert len(pictures) == len(names), f"after dying at change {at} a picture has no standing result"
        broken.correct(target)
        assert broken.standing() == whole.standing()
        assert {item.stored.result_id for item in broken.announced} == {
            item.stored.result_id for item in whole.announced
        }


def test_an_old_result_stands_until_the_new_one_is_announced():
    observatory = processed(BEFORE)
    old = observatory.standing()

    def fail(_rederived: Rederived) -> None:
        raise FatalFault("Access denied.")

    with pytest.raises(FatalFault):
        list(Rederivation(observatory.store, RULE, SLOW, TABLES, fail).run("cam"))
    assert old.items() <= observatory.standing().items()
    observatory.correct(SLOW)
    assert len(observatory.announced) == 2
    assert observatory.standing() == processed(SLOW).standing()
