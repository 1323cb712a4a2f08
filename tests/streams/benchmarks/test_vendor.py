"""The vendor's own program as a measure: compared where it is installed, and said to be left out where it is not."""

from __future__ import annotations

import pytest

from detectors.runtimes.openvino import find_own_precision
from schemas.errors import FatalFault
from streams.benchmarks import suite
from streams.benchmarks.bench import Measured
from streams.benchmarks.suite import run_suite, to_markdown
from streams.benchmarks.vendor import has_vendor, open_contest
from tests.support.networks import make_mean_onnx
from tests.support.overfitted import require_train_extra


def test_where_the_vendor_is_not_installed_the_figures_are_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(suite, "has_vendor", lambda: False)
    same, torch = run_suite(short=True, only=("vendor",))
    assert "same OpenVINO file" in same.name
    assert ".pt" in torch.name
    for figure in (same, torch):
        assert (figure.value, figure.verdict) == (None, "-")
        assert "train extra is not installed" in figure.text
        assert figure.to_plain()["value"] is None
    assert "| at least 1 x | - |" in to_markdown([same])


def test_a_goal_is_met_or_missed_by_what_was_measured():
    assert [Measured("x", value, "x", 1.0, at_least=True).verdict for value in (1.0, 0.99)] == ["yes", "no"]


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(FatalFault, match=r"no file .*none\.pt"):
        list(run_suite(short=True, only=("vendor",), model=str(tmp_path / "none.pt")))


def test_a_model_that_is_no_ir_is_no_contest(tmp_path):
    (tmp_path / "mean.onnx").write_bytes(make_mean_onnx())
    with pytest.raises(FatalFault, match="OpenVINO IR or on a"):
        open_contest(str(tmp_path / "mean.onnx"), None, tmp_path)


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
def test_the_whole_way_is_compared_with_the_vendor_at_two_sizes():
    require_train_extra()
    assert has_vendor()
    found = {figure.name: figure for figure in run_suite(short=True, only=("vendor",))}
    sizes = ("640x480", "2688x1520")
    expected = {
        f"end to end / yolo predict on {what}, {size}"
        for what in ("the same OpenVINO file", "the .pt")
        for size in sizes
    }
    assert expected <= set(found)
    assert len(found) == (4 if find_own_precision() == "f32" else 6)
    assert all(figure.value > 0 for figure in found.values())
    assert all("untrained" in figure.detail for name, figure in found.items() if ".pt" in name)
