"""What is wrong with the seal is told to administrators: once for each thing, and in time."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from django.utils.formats import date_format
from pyhanko.sign.general import SigningError

from decisions import clock, tasks
from decisions.actions.documents import ask_for_seals, request_document
from decisions.actions.rendering import claim_document, fail_document, keep_document
from decisions.checks import seal_can_be_put_on
from decisions.exports.seal_keys import KeyFiles, SealError
from decisions.models import Decision, Document, DocumentState, Notice, SealCertificate, User
from decisions.notify.mailing import compose
from decisions.notify.reading import unread_of
from decisions.notify.reminders import remind_one
from decisions.notify.words import sentence
from decisions.sealing import keys_in_settings, seal_works
from tests import factories
from tests.factories import People


@pytest.fixture(scope="module")
def ends(files: KeyFiles) -> datetime:
    leaf, _authority = x509.load_pem_x509_certificates(files.certificates.read_bytes())
    return leaf.not_valid_after_utc


@pytest.fixture
def seal(files: KeyFiles, settings: Any) -> None:
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = files.key, files.certificates


@pytest.fixture
def admin(db: None) -> User:
    return factories.person("ada", is_staff=True)


def told(user: User) -> list[str]:
    """Return what a person is asked, after the seal was looked at twice."""
    tasks.look_at_seal()
    tasks.look_at_seal()
    return [sentence(one) for one in unread_of(user)]


@pytest.mark.usefixtures("seal")
def test_administrators_are_told_once_before_it_ends_and_once_when_it_has_ended(
    admin: User, ends: datetime
) -> None:
    other = factories.person("otto")
    factories.person("former", is_staff=True, is_active=False)
    with clock.held_at(ends - timedelta(days=61)):
        assert told(admin) == []
    with clock.held_at(ends - timedelta(days=59)):
        (said,) = told(admin)
        assert f"ends on {date_format(ends.date(), 'DATE_FORMAT')}." in said
        assert "manage.py make_seal_key" in said
        assert seal_works()
        assert not remind_one(admin)
    with clock.held_at(ends - timedelta(days=1)):
        assert len(told(admin)) == 1, "and not every day"
    with clock.held_at(ends + timedelta(hours=1)):
        (said,) = told(admin)
        assert "approved records wait for their seal" in said
        assert not seal_works()
        assert said in compose(admin, list(unread_of(admin))).body
    assert told(admin) == [], "it was renewed"
    assert not Notice.objects.exclude(user=admin).exists()
    assert not unread_of(other).exists()


def test_a_key_that_cannot_be_read_is_told_anew_each_time(
    admin: User, seal: None, files: KeyFiles, settings: Any, tmp_path: Path
) -> None:
    for _time in range(2):
        settings.SEAL_KEY = tmp_path / "gone.pem"
        (said,) = told(admin)
        assert "The files of the seal's key cannot be read." in said
        (warning,) = seal_can_be_put_on()
        assert (warning.id, "gone.pem is not there" in warning.msg) == ("decisions.W004", True)
        settings.SEAL_KEY = files.key
        assert told(admin) == []
    assert Notice.objects.filter(user=admin).count() == 2


def test_keys_that_are_named_and_not_there_are_no_missing_seal(
    admin: User, settings: Any, tmp_path: Path
) -> None:
    settings.SEAL_KEY, settings.SEAL_CERTIFICATES = str(tmp_path / "a"), str(tmp_path / "b")
    assert keys_in_settings().are_named
    assert len(told(admin)) == 1
    settings.SEAL_KEY = settings.SEAL_CERTIFICATES = ""
    assert not keys_in_settings().are_named
    assert told(admin) == []


def awaited(people: People, why: str) -> Document:
    """Return a document that lacks its seal since now."""
    record = factories.approved(people)
    document = request_document(record, by=people.owner)
    held = claim_document(document.pk)
    assert held
    fail_document(held, why, DocumentState.UNSEALED)
    document.refresh_from_db()
    return document


@pytest.mark.usefixtures("seal")
def test_whatever_keeps_records_from_their_seal_is_told_and_tried_again_after_growing_pauses(
    admin: User, people: People, settings: Any
) -> None:
    settings.SEAL_TIMESTAMP_URL = "http://127.0.0.1:9/"
    began = clock.now()
    with clock.held_at(began):
        document = awaited(people, "The time-stamping authority gave no time stamp.")
        assert told(admin) == []
    with clock.held_at(began + timedelta(minutes=16)):
        (said,) = told(admin)
        assert "for more than 15 minutes. The time-stamping authority gave no" in said
        document.refresh_from_db()
        assert document.state == DocumentState.UNSEALED, "it does not answer: nothing is laid out"
        settings.SEAL_TIMESTAMP_URL = ""
        ask_for_seals()
        held = claim_document(document.pk)
        assert held
        fail_document(held, "Something else.", DocumentState.UNSEALED)
    for minutes, state in ((30, DocumentState.UNSEALED), (33, DocumentState.REQUESTED)):
        with clock.held_at(began + timedelta(minutes=minutes)):
            assert len(told(admin)) == 1
            document.refresh_from_db()
            assert document.state == state
    held = claim_document(document.pk)
    assert held
    assert keep_document(held, b"%PDF-", 1)
    assert told(admin) == []


@pytest.mark.usefixtures("seal")
def test_once_the_seal_is_repaired_nothing_is_told_of_what_waited_for_that(
    admin: User, people: People, settings: Any, tmp_path: Path
) -> None:
    began, key = clock.now(), settings.SEAL_KEY
    settings.SEAL_KEY = tmp_path / "gone.pem"
    with clock.held_at(began):
        document = awaited(people, "The files of the seal's key cannot be read.")
        assert len(told(admin)) == 1
    settings.SEAL_KEY = key
    with clock.held_at(began + timedelta(minutes=20)):
        assert told(admin) == []
        document.refresh_from_db()
        assert document.state == DocumentState.REQUESTED
    with clock.held_at(began + timedelta(minutes=36)):
        assert len(told(admin)) == 1, "something else keeps the seal from it"


@pytest.mark.usefixtures("seal")
def test_that_a_sealed_document_failed_for_good_is_told_until_it_is_asked_for_anew(
    admin: User, people: People
) -> None:
    record = factories.approved(people)
    failed = request_document(record, by=people.owner)
    held = claim_document(failed.pk)
    assert held
    fail_document(held, tasks.TOO_LARGE, n=2000)
    assert told(admin) == [], "who waits reads it on the page first"
    with clock.held_at(clock.now() + timedelta(minutes=16)):
        (said,) = told(admin)
        assert "The document of DR-1 failed. It needs more memory than the 2000 MB" in said
        assert request_document(record, by=people.owner) != failed
        assert told(admin) == []
        Document.objects.exclude(pk=failed.pk).delete()
        Decision.objects.filter(pk=record.pk).update(status="draft")
        assert told(admin) == [], "nobody asks for what was approved any more"


def test_a_file_of_authorities_that_is_none_is_told(
    admin: User, seal: None, settings: Any, tmp_path: Path
) -> None:
    settings.SEAL_TIMESTAMP_AUTHORITIES = str(tmp_path / "garbage.pem")
    for content in (b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "garbage.pem").write_bytes(content)
        (said,) = told(admin)
        assert "The time-stamping authority's certificates cannot be read." in said
        assert not seal_works()


@pytest.mark.usefixtures("seal")
def test_nothing_is_sealed_with_a_key_that_was_stolen(admin: User) -> None:
    opened = tasks._ready_seal()
    SealCertificate.objects.create(sha256=opened.sha256, pem=opened.pem, revoked_at=clock.now())
    with pytest.raises(SealError, match="was revoked"):
        tasks._ready_seal()
    (said,) = told(admin)
    assert "was revoked, because its key was stolen" in said
    assert not seal_works()


def test_whatever_goes_wrong_in_sealing_leaves_the_document_waiting() -> None:
    with pytest.raises(SealError, match="The error is in the log"), tasks._sealing():
        raise SigningError("An attribute is too large")
    with pytest.raises(MemoryError), tasks._sealing():
        raise MemoryError
