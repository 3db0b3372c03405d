"""No document takes a worker's memory or time without end, and who waits is told how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.urls import reverse
from weasyprint import HTML

from config.celery import app
from decisions import clock, tasks
from decisions.actions.claiming import CLAIM_HOLDS, Lost, lost
from decisions.actions.documents import request_document
from decisions.actions.rendering import MOST_ATTEMPTS, claim_document, note_step
from decisions.exports.document import RecordDocument
from decisions.exports.formats import FORMATS, Made
from decisions.exports.memory import bounded
from decisions.exports.progress import told
from decisions.models import Decision, Document, DocumentState, DocumentStep, User
from tests import factories
from tests.factories import People


def asked_for(record: Decision, format: str = "json") -> Document:
    return request_document(record, by=record.owner, format=format)


def as_it_is(document: Document) -> Document:
    return Document.objects.get(pk=document.pk)


def test_a_document_that_ended_its_workers_is_not_taken_for_ever(draft: Decision) -> None:
    document = asked_for(draft)
    for attempt in range(MOST_ATTEMPTS):
        later = clock.now() + attempt * (CLAIM_HOLDS + timedelta(seconds=1))
        with clock.held_at(later):
            assert claim_document(document.pk) is not None
            assert claim_document(document.pk) is None, "it is being made"
            assert as_it_is(document).state == DocumentState.RENDERING
    with clock.held_at(clock.now() + timedelta(hours=1)):
        assert lost(Document) == [document.pk]
        assert claim_document(document.pk) is None
        assert lost(Document) == []
    failed = as_it_is(document)
    assert failed.state == DocumentState.FAILED
    assert failed.error_in_words.startswith("The worker stopped 2 times while making this file")
    assert asked_for(draft) != failed, "who asks again is given another try"


def test_who_waits_is_told_how_many_are_before_them(draft: Decision, people: People) -> None:
    first, second = asked_for(draft), asked_for(draft, "csv")
    third = asked_for(factories.open_record(people, title="Another"))
    assert first.progress == "Waiting for a worker: it is next."
    assert second.progress == "Waiting for a worker: 1 file before it."
    assert third.progress == "Waiting for a worker: 2 files before it."


def test_who_waits_is_told_what_is_being_done(draft: Decision) -> None:
    document = asked_for(draft)
    claim = claim_document(document.pk)
    assert claim is not None
    assert as_it_is(document).progress == "Gathering what the record says."
    note_step(claim, DocumentStep.LAYING_OUT, 37)
    assert as_it_is(document).progress == "Laying out its pages: 37 pages so far."
    with clock.held_at(clock.now() + CLAIM_HOLDS + timedelta(seconds=1)):
        assert claim_document(document.pk) is not None
        with pytest.raises(Lost):
            note_step(claim, DocumentStep.WRITING, 40)
        assert as_it_is(document).progress == (
            "Gathering what the record says. The worker that began it stopped; this is attempt 2."
        )


def test_a_finished_document_says_nothing_of_steps(draft: Decision) -> None:
    document = asked_for(draft)
    tasks.render_document(document.pk)
    document = as_it_is(document)
    assert (document.state, document.step, document.progress) == (DocumentState.READY, "", "")


@pytest.mark.page
def test_the_page_of_the_documents_shows_it(
    draft: Decision, sign_in: Callable[[User], Client]
) -> None:
    document = asked_for(draft, "pdf")
    address = reverse("decisions:documents", args=[draft.reference])
    client = sign_in(draft.owner)
    assert "Waiting for a worker: it is next." in client.get(address).text
    claim = claim_document(document.pk)
    assert claim is not None
    note_step(claim, DocumentStep.LAYING_OUT, 1)
    page = client.get(address).text
    assert "Laying out its pages: 1 page so far." in page
    assert "1 page<" not in page, "it does not have its pages yet"


def test_the_renderer_tells_its_steps() -> None:
    heard: list[tuple[str, int | None]] = []
    page = "<title>x</title>" + "<p style='break-after: page'>x</p>" * 3
    with told(lambda step, pages: heard.append((step, pages))):
        HTML(string=page).write_pdf()
    assert heard == [(DocumentStep.LAYING_OUT, 1), (DocumentStep.WRITING, 3)]
    HTML(string=page).render()
    assert len(heard) == 2, "nobody listens any more"


def made_by(make: Callable[[RecordDocument], Made], patch: pytest.MonkeyPatch) -> None:
    """Have archives made in another way."""
    patch.setitem(FORMATS, "json", replace(FORMATS["json"], make=make))


def test_a_document_that_takes_too_much_memory_says_so(
    draft: Decision, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DOCUMENT_MEMORY_MB = 64
    made_by(lambda document: Made(bytes(128_000_000)), monkeypatch)
    document = asked_for(draft)
    tasks.render_document(document.pk)
    document = as_it_is(document)
    assert document.state == DocumentState.FAILED
    told = "It needs more memory than the 64 MB that a worker may take"
    assert document.error_in_words.startswith(told)
    assert len(bytes(128_000_000)) == 128_000_000, "the bound is gone with the document"


def test_a_document_that_takes_too_long_says_so(
    draft: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(document: RecordDocument) -> Made:
        raise SoftTimeLimitExceeded

    made_by(slow, monkeypatch)
    document = asked_for(draft)
    tasks.render_document(document.pk)
    assert as_it_is(document).error_in_words.startswith("It was not finished within 4 minutes")


def test_a_bound_on_memory_never_widens_one_that_is_there() -> None:
    with bounded(32), bounded(10_000), pytest.raises(MemoryError):
        bytes(128_000_000)


def test_workers_end_before_their_claim_does_and_are_renewed() -> None:
    task = tasks.render_document
    seconds = [task.soft_time_limit, task.time_limit, CLAIM_HOLDS.total_seconds()]
    assert seconds == [240, 270, 300]
    assert app.conf.worker_max_tasks_per_child == 500
    assert app.conf.worker_max_memory_per_child == 1_000_000
