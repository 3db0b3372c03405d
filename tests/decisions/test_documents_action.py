"""Asking for a document: an unchanged record is served the one it has."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from decisions import clock
from decisions.actions.documents import ask_for_seals, request_document, sealed_document
from decisions.actions.lifecycle import note_outcome
from decisions.actions.records import edit_details
from decisions.actions.rendering import file_name
from decisions.actions.review import send_review
from decisions.models import Decision, Document, DocumentState
from decisions.policies import Refused
from tests import factories
from tests.factories import People, kinds_of_events


def ready(document: Document) -> Document:
    """Mark a document as made, as its worker does."""
    document.file.save("made.pdf", ContentFile(b"%PDF-"), save=False)
    made = {"state": DocumentState.READY, "file": document.file.name}
    Document.objects.filter(pk=document.pk).update(**made)
    return Document.objects.get(pk=document.pk)


def test_a_document_is_asked_for_once_and_logged(approved: Decision, people: People) -> None:
    document = request_document(approved, by=people.ux)
    assert (document.state, document.is_draft) == ("requested", False)
    assert (document.digest, document.version) == (approved.digest, approved.version)
    last = approved.events.order_by("sequence").last()
    assert (last.kind, last.data) == ("export", {"format": "pdf", "digest": approved.digest})


def test_an_unchanged_record_gets_the_kept_document(approved: Decision, people: People) -> None:
    document = ready(request_document(approved, by=people.ux))
    before = factories.all_rows()
    assert request_document(approved, by=people.business) == document
    assert factories.all_rows() == before


def test_asking_twice_while_it_is_being_made_waits_for_the_same_one(
    approved: Decision, people: People
) -> None:
    document = request_document(approved, by=people.ux)
    assert request_document(approved, by=people.ux) == document
    assert kinds_of_events(approved).count("export") == 1


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_lost_file_is_made_anew_and_a_sealed_one_never_twice(
    approved: Decision, people: People, is_sealed: bool, settings: Any, client: Client
) -> None:
    if is_sealed:
        settings.SEAL_PKCS12 = "seal.p12"
    lost = ready(request_document(approved, by=people.ux))
    assert lost.is_sealed == is_sealed
    lost.file.storage.delete(str(lost.file.name))
    client.force_login(people.ux)
    html = client.get(f"{approved.get_absolute_url()}documents/").content.decode()
    assert "Its file has been lost." in html
    if not is_sealed:
        assert request_document(approved, by=people.ux) != lost
        return
    with pytest.raises(Refused, match="nothing is sealed twice"):
        request_document(approved, by=people.ux)
    assert not request_document(approved, by=people.ux, as_it_stands=True).is_sealed


def test_a_copy_stays_one_and_beside_a_seal_that_failed_there_is_none(
    approved: Decision, people: People, settings: Any
) -> None:
    settings.SEAL_PKCS12 = "seal.p12"
    sealed = request_document(approved, by=people.ux)
    waiting = {"state": DocumentState.UNSEALED, "finished_at": clock.now()}
    Document.objects.filter(pk=sealed.pk).update(**waiting)
    copy = request_document(approved, by=people.ux, as_it_stands=True)
    assert (copy.is_copy, copy.is_sealed) == (True, False)
    with clock.held_at(clock.now() + timedelta(hours=1)):
        assert request_document(approved, by=people.ux) == sealed, "it is tried again"
    copy.refresh_from_db()
    assert copy.is_copy
    assert file_name(copy).endswith("-as-it-stands-unsealed.pdf")
    assert request_document(approved, by=people.ux, as_it_stands=True) == copy
    Document.objects.filter(pk=sealed.pk).update(state=DocumentState.FAILED)
    letter = request_document(approved, by=people.ux, format="pdf-letter")
    assert (letter.is_copy, letter.is_sealed) == (False, False)


def test_what_was_sealed_is_served_also_where_the_seal_is_gone(
    approved: Decision, people: People, settings: Any
) -> None:
    settings.SEAL_PKCS12 = "seal.p12"
    sealed = request_document(approved, by=people.ux)
    settings.SEAL_PKCS12 = ""
    assert request_document(approved, by=people.ux) != sealed, "it waits for a seal that is gone"
    ready(sealed)
    note_outcome(approved, by=people.owner, success="yes", text="It holds.", review_on=None)
    assert request_document(approved, by=people.ux) == sealed
    assert request_document(approved, by=people.ux, as_it_stands=True).is_copy


def test_what_waits_for_a_seal_that_is_gone_has_failed_and_is_had_without_it(
    approved: Decision, people: People, settings: Any, client: Client
) -> None:
    settings.SEAL_PKCS12 = "seal.p12"
    sealed = request_document(approved, by=people.ux)
    waiting = {"state": DocumentState.UNSEALED, "finished_at": clock.now()}
    Document.objects.filter(pk=sealed.pk).update(**waiting)
    settings.SEAL_PKCS12 = ""
    assert sealed_document(approved) is None
    with clock.held_at(clock.now() + timedelta(hours=1)):
        ask_for_seals()
    client.force_login(people.ux)
    html = client.get(f"{approved.get_absolute_url()}documents/").content.decode()
    assert "There is no seal here any more. Export it anew" in html
    assert "It is tried again by itself" not in html
    assert "Copy as it stands now" not in html
    assert not request_document(approved, by=people.ux).is_sealed


def test_a_failed_document_is_made_anew(approved: Decision, people: People) -> None:
    failed = request_document(approved, by=people.ux)
    Document.objects.filter(pk=failed.pk).update(state=DocumentState.FAILED)
    assert request_document(approved, by=people.ux) != failed


@pytest.mark.parametrize("change", ["content", "signature", "review"])
def test_what_the_document_shows_makes_a_new_one_when_it_changes(
    change: str, in_review: Decision, people: People
) -> None:
    kept = ready(request_document(in_review, by=people.ux))
    if change == "content":
        edit_details(in_review, by=people.owner, title="Another title")
    elif change == "signature":
        factories.sign(in_review, people.ux, "ux")
    else:
        send_review(in_review, by=people.ux, verdict="comment", body="Fine.")
    assert request_document(in_review, by=people.ux) != kept


def test_a_tag_or_a_comment_makes_no_new_document_and_nobody_says_that_nothing_changed(
    in_review: Decision, people: People, client: Client
) -> None:
    kept = ready(request_document(in_review, by=people.ux))
    edit_details(in_review, by=people.owner, tags=["routing"])
    assert request_document(in_review, by=people.ux) == kept
    client.force_login(people.ux)
    address = f"{in_review.get_absolute_url()}documents/"
    html = client.post(address, {"format": "pdf"}, follow=True).content.decode()
    assert "What its pages show has not changed: here it is, with its data as of" in html


@pytest.mark.parametrize("format", ["pdf", "html", "madr"])
def test_another_address_of_the_installation_makes_a_new_draft(
    format: str, draft: Decision, people: People, settings: Any
) -> None:
    kept = ready(request_document(draft, by=people.ux, format=format))
    assert request_document(draft, by=people.ux, format=format) == kept
    settings.PUBLIC_URL = "https://countersign.example"
    assert request_document(draft, by=people.ux, format=format) != kept


def test_another_address_seals_nothing_twice(
    approved: Decision, people: People, settings: Any
) -> None:
    settings.SEAL_PKCS12 = "seal.p12"
    sealed = ready(request_document(approved, by=people.ux))
    assert sealed.is_sealed
    settings.PUBLIC_URL = "https://countersign.example"
    assert request_document(approved, by=people.ux) == sealed
    assert approved.documents.get() == sealed


@pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn", "approved", "superseded"])
def test_what_is_not_approved_is_marked_as_a_draft(status: str, people: People) -> None:
    document = request_document(factories.record_in(status, people), by=people.owner)
    assert document.is_draft == (status not in {"approved", "superseded"})
    assert ("-draft" in file_name(document)) == (status in {"draft", "in_review"})


def test_what_is_withdrawn_is_said_to_be_so_and_no_draft(people: People, client: Client) -> None:
    record = factories.withdrawn(people)
    document = request_document(record, by=people.owner)
    assert file_name(document).endswith("-withdrawn.pdf")
    client.force_login(people.owner)
    html = client.get(f"{record.get_absolute_url()}documents/").content.decode()
    assert "The record was withdrawn: every page of the document says so." in html
    assert "<span>Withdrawn</span>" in html
    assert "every page of the document says that it is a draft" not in html
    assert "Draft, not signed" not in html


def test_asking_does_not_change_the_content(approved: Decision, people: People) -> None:
    request_document(approved, by=people.ux)
    assert all(factories.holds(one) for one in approved.sign_offs.all())


def test_who_cannot_see_the_record_gets_no_document(approved: Decision, people: People) -> None:
    with pytest.raises(Refused):
        request_document(approved, by=people.outsider)
    assert not Document.objects.exists()


def test_a_worker_is_woken_after_the_commit_and_only_while_there_is_work(
    approved: Decision,
    people: People,
    jobs: list[tuple[str, list[Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        document = request_document(approved, by=people.ux)
        assert jobs == []
    assert ("decisions.tasks.render_document", [document.pk]) in jobs
    ready(document)
    with django_capture_on_commit_callbacks(execute=True):
        request_document(approved, by=people.ux)
    assert [task for task, _args in jobs].count("decisions.tasks.render_document") == 1
