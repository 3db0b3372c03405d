"""Asking for a document: an unchanged record is served the one it has."""

from typing import Any

import pytest

from decisions.actions.documents import request_document
from decisions.actions.records import edit_details
from decisions.actions.review import send_review
from decisions.models import Decision, Document, DocumentState
from decisions.policies import Refused
from tests import factories
from tests.factories import People, kinds_of_events


def ready(document: Document) -> Document:
    """Mark a document as made, as its worker does."""
    Document.objects.filter(pk=document.pk).update(state=DocumentState.READY, file="made.pdf")
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


def test_a_tag_or_a_comment_makes_no_new_document(in_review: Decision, people: People) -> None:
    kept = ready(request_document(in_review, by=people.ux))
    edit_details(in_review, by=people.owner, tags=["routing"])
    assert request_document(in_review, by=people.ux) == kept


@pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn", "approved", "superseded"])
def test_what_is_not_approved_is_marked_as_a_draft(status: str, people: People) -> None:
    document = request_document(factories.record_in(status, people), by=people.owner)
    assert document.is_draft == (status not in {"approved", "superseded"})


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
