"""How much water was looked at: dilution, concentration, runs cut short, and what stays unknown."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sample import SampleRun
from sinks.composition.composition import estimate
from sinks.composition.volumes import WHYS, RunVolumes, UnknownVolume, find_volume, pool_volumes
from tests.sinks.composition.builders import make_sample


def make_row(**quantities):
    return SampleRun.model_validate({"run": "run-1", "quantities": quantities})


def test_without_a_sample_sheet_a_litre_is_one_of_analysed_sample():
    volume = find_volume(RunVolumes("auto_image", 0.5))
    assert (volume.basis, volume.litres) == ("analysed_sample", Fraction(1, 2000))


def test_a_triggered_run_is_divided_by_the_volume_processed_and_an_imaged_one_by_the_volume_imaged():
    assert find_volume(RunVolumes("trigger", 0.5, 2.0)).sample_ml == 2
    assert find_volume(RunVolumes("auto_image", 0.5, 2.0)).sample_ml == Fraction(1, 2)


def test_dilution_makes_less_sample_of_the_same_liquid():
    volume = find_volume(RunVolumes("auto_image", 0.5, dilution=10))
    assert (volume.analysed_ml, volume.sample_ml, volume.dilution) == (Fraction(1, 2), Fraction(1, 20), 10)


def test_the_sheet_overrules_the_dilution_that_is_set_in_the_instrument():
    assert find_volume(RunVolumes("auto_image", 1.0, dilution=1), make_sample(), make_row(dilution=4)).dilution == 4


def test_a_concentrate_stands_for_the_sea_it_was_made_of():
    # 50 l brought to 100 ml: each millilitre is half a litre of sea
    volume = find_volume(RunVolumes("auto_image", 2.0), make_sample(), make_row(dilution=2))
    assert (volume.basis, volume.sea_ml) == ("sea", 500)


def test_whole_water_is_the_sea():
    sample = make_sample(water="whole", quantities={})
    assert find_volume(RunVolumes("auto_image", 2.0, dilution=4), sample).sea_ml == Fraction(1, 2)


def test_a_sample_that_nobody_says_the_making_of_stays_per_litre_of_analysed_sample():
    sample = make_sample(water=None, quantities={})
    assert find_volume(RunVolumes("auto_image", 2.0), sample).basis == "analysed_sample"


@pytest.mark.parametrize(
    ("run", "row", "why"),
    [
        (RunVolumes("auto_image"), None, "no_volume"),
        (RunVolumes("auto_image", None, 2.0), None, "no_volume"),
        (RunVolumes("trigger", 0.5), None, "no_volume"),
        (RunVolumes(), None, "no_volume"),
        (RunVolumes("auto_image", 0.0), None, "volume_zero"),
        (RunVolumes(None, 0.5, 2.0), None, "mode_unknown"),
        (RunVolumes(None, None, 2.0), None, "mode_unknown"),
        (RunVolumes("auto_image", 0.5, cut_short=True), None, "list_cut_short"),
        (RunVolumes("auto_image", 0.5, cut_short=True, frames=100), None, "list_cut_short"),
        (RunVolumes("trigger", 0.5, 2.0, cut_short=True, frames=100, frames_read=50), None, "list_cut_short"),
        (RunVolumes("auto_image", 0.5, cut_short=True), make_row(volume_ml=0.5), "list_cut_short"),
        (RunVolumes("auto_image", 0.5), make_row(volume_ml=0.6), "volumes_differ"),
        (RunVolumes("auto_image", 0.5), make_row(volume_subsample_ml=0.4), "subsample_too_small"),
    ],
)
def test_what_is_not_known_is_unknown_and_says_why(run, row, why):
    volume = find_volume(run, make_sample(), row)
    assert volume == UnknownVolume((why,))
    assert volume.sentences == (WHYS[why],)
    assert estimate(7, volume).per_l is None
    assert estimate(7, volume).high > 7


def test_a_volume_that_a_person_knows_takes_the_place_of_a_missing_one():
    assert find_volume(RunVolumes(), make_sample(), make_row(volume_ml=3)).analysed_ml == 3
    assert find_volume(RunVolumes("auto_image", 0.0), make_sample(), make_row(volume_ml=3)).analysed_ml == 3
    assert find_volume(RunVolumes("auto_image", 0.5), make_sample(), make_row(volume_ml=0.505)).analysed_ml == Fraction(
        1, 2
    )


def test_a_dilution_lets_more_be_imaged_than_was_taken_out():
    row = make_row(volume_subsample_ml=0.4, dilution=2)
    assert find_volume(RunVolumes("auto_image", 0.5), make_sample(), row).sample_ml == Fraction(1, 4)


def test_a_list_cut_short_counts_for_the_frames_that_were_read():
    run = RunVolumes("auto_image", 0.5, cut_short=True, frames=1000, frames_read=250)
    assert find_volume(run).analysed_ml == Fraction(1, 8)


def test_one_unknown_volume_makes_the_pool_unknown():
    known, unknown = find_volume(RunVolumes("auto_image", 1.0)), find_volume(RunVolumes())
    assert pool_volumes([known, unknown, known]) == UnknownVolume(("no_volume",))


def test_pooling_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="no volumes"):
        pool_volumes([])


millilitres = st.integers(1, 10**7).map(lambda units: units / 10**6)


@given(st.lists(st.tuples(millilitres, st.integers(1, 50)), min_size=1, max_size=6), st.randoms())
def test_pooled_volumes_are_their_sum_in_any_order(runs, luck):
    volumes = [find_volume(RunVolumes("auto_image", ml, dilution=dilution), make_sample()) for ml, dilution in runs]
    pooled = pool_volumes(volumes)
    assert pooled.analysed_ml == sum(Fraction(str(ml)) for ml, _ in runs)
    assert pooled.sea_ml == sum(volume.sea_ml for volume in volumes)
    luck.shuffle(volumes)
    assert pool_volumes(volumes) == pooled


@pytest.mark.parametrize(
    ("name", "printed"),
    [("3LB-SFSW-Terasakiella", 7_054), ("NITRATE", 34_448), ("sulfate", 57_555)],
)
def test_the_concentration_is_the_one_that_the_instrument_prints(name, printed, real_data):
    (summary,) = (real_data / "plankton/flowcam_runs").glob(f"*{name}*/*_summary.csv")
    text = summary.read_text(encoding="utf-8-sig")
    assert int(re.search(r"^Particles / ml,(\d+)", text, re.MULTILINE)[1]) == printed
    particles = int(re.search(r"^Count,(\d+)", text, re.MULTILINE)[1])
    words = re.search(r"^Sample Volume Imaged ml,([\d.]+)", text, re.MULTILINE)[1]
    found = estimate(particles, find_volume(RunVolumes("auto_image", float(words))))
    # the volume is printed with five decimals: the true one lies half a unit to either side
    error = 0.5 * 10 ** -len(words.split(".")[1])
    assert particles / (float(words) + error) <= printed <= particles / (float(words) - error)
    assert found.per_l / 1000 == pytest.approx(printed, rel=error / float(words))
