from __future__ import annotations

import hashlib
import hmac
import logging
import os
import pickle
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FatalFault
from streams.usage.pseudonym import PseudonymKey, load_key, make_key, read_key

_KEY = PseudonymKey(bytes(range(32)))
_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_a_pseudonym_is_the_hmac_over_both_texts_with_their_lengths():
    message = b"pseudonym/1" + (3).to_bytes(8, "big") + b"idp" + (5).to_bytes(8, "big") + "Lluç".encode()
    assert _KEY.make_pseudonym("idp", "Lluç") == hmac.new(bytes(range(32)), message, hashlib.sha256).hexdigest()


@given(_names, _names, _names, _names)
def test_two_logins_share_a_pseudonym_only_if_they_are_one(issuer, subject, other_issuer, other_subject):
    same = _KEY.make_pseudonym(issuer, subject) == _KEY.make_pseudonym(other_issuer, other_subject)
    assert same == ((issuer, subject) == (other_issuer, other_subject))


def test_moving_the_border_between_issuer_and_subject_gives_another_pseudonym():
    assert _KEY.make_pseudonym("ab", "c") != _KEY.make_pseudonym("a", "bc")


def test_another_key_gives_other_pseudonyms_and_another_fingerprint():
    other = PseudonymKey(bytes(range(1, 33)))
    assert other.make_pseudonym("a", "b") != _KEY.make_pseudonym("a", "b")
    assert other.fingerprint != _KEY.fingerprint


def test_an_empty_login_is_refused():
    with pytest.raises(ValueError, match="issuer and a subject"):
        _KEY.make_pseudonym("", "b")


def test_the_key_never_shows(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger().warning("%s %r", _KEY, _KEY)
    assert bytes(range(32)).hex() not in caplog.text
    with pytest.raises(TypeError):
        pickle.dumps(_KEY)


def test_a_made_key_is_random_its_owners_alone_and_read_back(tmp_path):
    path = tmp_path / "pseudonym.key"
    key = make_key(path)
    assert load_key(path).fingerprint == key.fingerprint
    assert make_key(tmp_path / "other.key").fingerprint != key.fingerprint
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_in_use_is_not_overwritten(tmp_path):
    path = tmp_path / "pseudonym.key"
    before = make_key(path).fingerprint
    with pytest.raises(FatalFault, match="not overwritten"):
        make_key(path)
    assert load_key(path).fingerprint == before
    with pytest.raises(FatalFault, match="could not be written"):
        make_key(tmp_path / "absent" / "pseudonym.key")


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "pseudonym.key"
    make_key(path)
    path.chmod(0o640)
    with pytest.raises(FatalFault, match="600"):
        load_key(path)


def test_a_missing_key_file_is_named(tmp_path):
    with pytest.raises(FatalFault, match=r"absent\.key"):
        load_key(tmp_path / "absent.key")


@pytest.mark.parametrize("text", ["", "ab", "0" * 64, "z" * 64, "ab" * 31, "ab" * 33])
def test_what_is_no_key_is_refused_without_being_shown(text):
    with pytest.raises(FatalFault) as caught:
        read_key(text)
    assert not text or text not in caught.value.sentence.split()


def test_a_key_from_an_environment_variable_is_the_same_key():
    assert read_key(f" {bytes(range(32)).hex().upper()}\n").fingerprint == _KEY.fingerprint
    with pytest.raises(FatalFault, match="32 bytes"):
        PseudonymKey(b"short")
