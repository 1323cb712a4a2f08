"""What a person is told about their settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.settings.complaints import _EXAMPLES
from streams.settings.model import Deployment
from streams.settings.read import SettingsError, check_settings, read_settings

GOOD = """
name = "obsea"
folder = "data"
[broker]
url = "kafka://127.0.0.1:9092"
[installations.fish]
detector = "scripted"
[feeds.cam-1]
installation = "fish"
owner = "upc"
country = "ES"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "observatory.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read_with_its_defaults_and_paths_taken_from_its_folder(tmp_path: Path):
    deployment = read_settings(write(tmp_path, GOOD), {}).deployment
    assert deployment.broker.url == "kafka://127.0.0.1:9092"
    assert deployment.folder == tmp_path / "data"
    assert deployment.feeds["cam-1"].country == "ES"
    assert deployment.worker.outage_after_s == 300


def test_every_wrong_setting_is_named_at_once_and_a_misspelt_one_with_what_was_meant(tmp_path: Path):
    text = GOOD.replace('url = "kafka', 'ulr = "kafka').replace('country = "ES"', 'country = "Spain"')
    text += '\n[worker]\nthreads = 0\n[installations.oil]\ndetektor = "x"\n'
    with pytest.raises(SettingsError) as raised:
        read_settings(write(tmp_path, text), {})
    said = str(raised.value)
    assert "broker.ulr: there is no such setting; did you mean url?" in said
    assert "feeds.cam-1.country" in said
    assert "worker.threads" in said
    assert "installations.oil.detektor: there is no such setting; did you mean detector?" in said
    assert len(raised.value.complaints) == 5


def test_a_feed_of_an_unknown_installation_is_named_with_the_one_that_was_meant(tmp_path: Path):
    with pytest.raises(SettingsError, match="did you mean fish"):
        read_settings(write(tmp_path, GOOD.replace('installation = "fish"', 'installation = "fisch"')), {})


def test_the_environment_overrules_the_file(tmp_path: Path):
    environment = {"OBSERVATORY__BROKER__URL": "embedded:", "OBSERVATORY__FEEDS__CAM_1__COUNTRY": "FR"}
    deployment = read_settings(write(tmp_path, GOOD), environment).deployment
    assert deployment.broker.url == "embedded:"
    assert deployment.feeds["cam-1"].country == "FR"


def test_a_misspelt_variable_is_refused_too(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"broker\.uri"):
        read_settings(write(tmp_path, GOOD), {"OBSERVATORY__BROKER__URI": "embedded:"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OBSERVATORY_BROKER_URL", "OBSERVATORY__BROKER__URL"),
        ("OBSERVATORY_BROKER__URL", "OBSERVATORY__BROKER__URL"),
        ("OBSERVATORY_NAME", "OBSERVATORY__NAME"),
    ],
)
def test_a_variable_with_an_underscore_too_few_is_refused_instead_of_read_by_nobody(tmp_path: Path, name, meant):
    with pytest.raises(SettingsError, match=f"{name}: nothing reads this variable; did you mean {meant}"):
        read_settings(write(tmp_path, GOOD), {name: "kafka://elsewhere:9092"})


def test_variables_of_others_are_let_pass(tmp_path: Path):
    others = ("OBSERVATORY_REAL_DATA", "OBSERVATORY_STORE_SECRET_KEY", "OBSERVATORYX", "OBSERVATORY", "BROKER_URL")
    assert (
        read_settings(write(tmp_path, GOOD), dict.fromkeys(others, "x")).deployment
        == read_settings(write(tmp_path, GOOD), {}).deployment
    )


def test_a_value_of_the_wrong_form_is_told_with_an_example_and_no_grammar(tmp_path: Path):
    with pytest.raises(SettingsError, match=r'country: this should look like ES, .*\(given: "Spain"\)') as caught:
        read_settings(write(tmp_path, GOOD), {"OBSERVATORY__FEEDS__CAM_1__COUNTRY": "Spain"})
    assert "pattern" not in str(caught.value)


def test_every_form_that_a_setting_may_have_has_an_example():
    patterns = set(_find_patterns(Deployment.model_json_schema()))
    assert patterns
    assert patterns <= set(_EXAMPLES)


def _find_patterns(schema):
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            yield from _find_patterns(value)
    if isinstance(schema, dict):
        yield from [value for name, value in schema.items() if name == "pattern" and isinstance(value, str)]
        yield from schema.get("patternProperties", ())


def test_a_secret_is_never_repeated_in_a_complaint(tmp_path: Path):
    with pytest.raises(SettingsError) as raised:
        read_settings(write(tmp_path, GOOD + "[store]\nsecret_key = 123456789\n"), {})
    assert "123456789" not in str(raised.value)


@pytest.mark.parametrize("secret", ["123456789", "1e5", "true", "0x1f", "2024-01-01", "pass word"])
def test_a_secret_of_the_environment_is_taken_as_it_is_even_if_it_looks_like_a_number(tmp_path: Path, secret: str):
    read = read_settings(write(tmp_path, GOOD), {"OBSERVATORY__STORE__SECRET_KEY": secret})
    assert read.deployment.store.secret_key.get_secret_value() == secret


def test_a_secret_in_the_settings_own_text_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"store\.secret_key: keep it out .* secret_key_file") as raised:
        read_settings(write(tmp_path, GOOD + '[store]\nsecret_key = "a good one"\n'), {})
    assert "a good one" not in str(raised.value)


def test_a_wrong_value_does_not_hide_what_contradicts_itself_elsewhere(tmp_path: Path):
    wrong = GOOD.replace('country = "ES"', 'country = "Spain"').replace('installation = "fish"', 'installation = "fsh"')
    with pytest.raises(SettingsError) as raised:
        read_settings(write(tmp_path, wrong), {})
    assert len(raised.value.complaints) == 2
    assert "did you mean fish?" in str(raised.value)


def test_a_file_that_is_not_toml_or_not_there_is_said_so(tmp_path: Path):
    with pytest.raises(SettingsError, match="not TOML"):
        read_settings(write(tmp_path, "[broker"), {})
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "absent.toml", {})


@pytest.mark.parametrize("name", ["beads_um", "bubbles_um"])
def test_a_range_of_diameters_has_the_least_first(tmp_path: Path, name: str):
    installation = {"detector": "scripted", name: [10.5, 9.5]}
    with pytest.raises(SettingsError) as caught:
        check_settings({"installations": {"p": installation}}, {}, folder=tmp_path)
    assert any(f"{name} is the least and the most diameter" in complaint for complaint in caught.value.complaints)
