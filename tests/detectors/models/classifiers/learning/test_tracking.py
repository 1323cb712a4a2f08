"""Writing a training down: where a server is configured, and never at the price of the training."""

from __future__ import annotations

import importlib.util

import pytest

from detectors.models.classifiers.learning.tracking import (
    ADDRESS_VARIABLE,
    EXPERIMENT,
    KeptTracker,
    SteadyTracker,
    open_tracker,
)
from schemas.errors import FatalFault

WITHOUT_EXTRA = importlib.util.find_spec("mlflow") is None


class AwayTracker(KeptTracker):
    """A server that goes away with the second epoch."""

    def note_epoch(self, epoch, figures):
        """Fail from the second on."""
        if epoch > 1:
            message = "MLflow could not write the training down: gone"
            raise FatalFault(message)
        super().note_epoch(epoch, figures)


def test_nothing_is_written_anywhere_unless_a_server_is_configured(monkeypatch):
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    assert isinstance(open_tracker(None, name="x@1"), KeptTracker)


def test_a_server_that_goes_away_ends_the_record_and_not_the_training(tmp_path):
    kept = AwayTracker()
    tracker = SteadyTracker(kept)
    tracker.note_settings({"seed": 0})
    for epoch in (1, 2, 3):
        tracker.note_epoch(epoch, {"surprise": 0.5})
    tracker.finish({"macro_f1": 0.6}, tmp_path)
    assert (kept.settings, kept.epochs, kept.finished) == ({"seed": 0}, [(1, {"surprise": 0.5})], None)
    assert tracker.lost == "MLflow could not write the training down: gone"


@pytest.mark.skipif(not WITHOUT_EXTRA, reason="the mlflow extra is installed")
@pytest.mark.parametrize("by_variable", [True, False])
def test_a_configured_server_without_the_extra_is_said_before_training(monkeypatch, by_variable):
    if by_variable:
        monkeypatch.setenv(ADDRESS_VARIABLE, "http://localhost:1")
    with pytest.raises(FatalFault, match=r"pip install observatory-streams\[mlflow\]"):
        open_tracker(None if by_variable else "http://localhost:1", name="x@1")


@pytest.mark.train
@pytest.mark.skipif(WITHOUT_EXTRA, reason="needs the mlflow extra: pip install observatory-streams[mlflow]")
def test_mlflow_holds_settings_epochs_figures_and_files(tmp_path, monkeypatch):
    from mlflow import MlflowClient  # of the extra

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder stands in for a server
    folder, address = tmp_path / "filed", (tmp_path / "records").as_uri()
    folder.mkdir()
    (folder / "card.json").write_text("{}", encoding="utf-8")
    tracker = open_tracker(address, name="demo@1")
    tracker.note_settings({"seed": 3, "colours": "rgb"})
    for epoch, surprise in ((1, 0.9), (2, 0.4)):
        tracker.note_epoch(epoch, {"surprise": surprise})
    tracker.finish({"macro_f1": 0.66}, folder)
    assert tracker.lost is None
    client = MlflowClient(tracking_uri=address)
    (run,) = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "demo@1"
    assert (run.data.params["seed"], run.data.params["colours"]) == ("3", "rgb")
    assert run.data.metrics == {"surprise": 0.4, "macro_f1": 0.66}
    history = client.get_metric_history(run.info.run_id, "surprise")
    assert sorted((item.step, item.value) for item in history) == [(1, 0.9), (2, 0.4)]
    assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["card.json"]


@pytest.mark.train
@pytest.mark.skipif(WITHOUT_EXTRA, reason="needs the mlflow extra: pip install observatory-streams[mlflow]")
@pytest.mark.parametrize("address", ["nowhere://", "http://localhost:1"])
def test_an_address_that_is_none_or_does_not_answer_is_said_before_training(monkeypatch, address):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(FatalFault, match="MLflow could not write the training down"):
        open_tracker(address, name="x@1")
