"""Reviewing, signing and approving in the browser."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from decisions.models import Decision, User
from tests import factories
from tests.factories import PASSWORD, People

SignIn = Callable[[User], Client]


def url(record: Decision, name: str, *args: Any) -> str:
    return reverse(f"decisions:{name}", args=[record.reference, *args])


def signature(record: Decision, **fields: Any) -> dict[str, Any]:
    return {
        "role": "ux",
        "meaning": "approve",
        "password": PASSWORD,
        "digest": record.digest,
        **fields,
    }


def test_the_sign_page_shows_the_record_and_its_digest(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    html = sign_in(people.ux).get(url(in_review, "sign")).content.decode()
    assert f'value="{in_review.digest}"' in html
    assert in_review.digest[:8] in html
    assert in_review.title in html
    assert "What would make you stop" not in html
    assert "Exit criteria" in html


def test_signing_asks_for_the_password_again(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    wrong = client.post(url(in_review, "sign"), signature(in_review, password="guess"))
    assert wrong.status_code == 422
    assert "This is not your password." in wrong.content.decode()
    assert not in_review.sign_offs.exists()
    assert client.post(url(in_review, "sign"), signature(in_review)).status_code == 302
    assert in_review.sign_offs.get().printed_name == "Uma Lindqvist"


def test_a_reservation_needs_words_and_keeps_them(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    reserved = signature(in_review, meaning="approve_with_reservation")
    assert client.post(url(in_review, "sign"), reserved).status_code == 422
    client.post(url(in_review, "sign"), reserved | {"text": "Nine people are few."})
    html = client.get(in_review.get_absolute_url()).content.decode()
    assert "Nine people are few." in html


def test_a_record_that_moved_while_it_was_read_is_not_signed(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    seen = signature(in_review)
    factories.edit(in_review, "problem", people, problem="It is worse than we thought.")
    response = sign_in(people.ux).post(url(in_review, "sign"), seen)
    html = response.content.decode()
    assert response.status_code == 409
    assert "Nothing was signed" in html
    assert "worse" in html
    assert not in_review.sign_offs.exists()


def test_nobody_signs_for_a_role_that_is_not_theirs(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    response = client.post(url(in_review, "sign"), signature(in_review, role="business"))
    assert response.status_code == 422
    assert sign_in(people.owner).get(url(in_review, "sign")).status_code == 403
    assert not in_review.sign_offs.exists()


def test_a_lapsed_signer_is_shown_what_changed_first(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    factories.edit(signed, "problem", people, problem="Worse than we thought.")
    html = sign_in(people.ux).get(url(signed, "sign")).content.decode()
    assert "Changed since you signed" in html
    record = sign_in(people.ux).get(signed.get_absolute_url()).content.decode()
    assert "lapsed, the record has changed" in record


def test_the_owner_approves_what_all_have_signed(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    assert sign_in(people.ux).post(url(signed, "move", "approve")).status_code == 403
    assert sign_in(people.owner).post(url(signed, "move", "approve")).status_code == 302
    assert factories.fresh(signed).status == "approved"


def test_a_request_for_changes_holds_the_approval_until_it_is_lifted(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    reviewer = sign_in(people.devops)
    said = {"verdict": "request_changes", "summary": "No load test yet."}
    assert reviewer.post(url(signed, "review"), said).status_code == 302
    refused = sign_in(people.owner).post(url(signed, "move", "approve"))
    assert refused.status_code == 409
    assert "Devi Menon has asked for changes." in refused.content.decode()
    reviewer.post(url(signed, "lift", signed.reviews.get().pk))
    assert sign_in(people.owner).post(url(signed, "move", "approve")).status_code == 302


def test_a_review_that_says_nothing_is_not_sent(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    response = sign_in(people.devops).post(url(in_review, "review"), {"verdict": "comment"})
    assert response.status_code == 422
    assert not in_review.reviews.exists()


def test_a_comment_is_answered_and_resolved(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    ux = sign_in(people.ux)
    said = {"section": "goals", "body": "Is *85* the right bar?", "must_fix": "on"}
    ux.post(url(in_review, "new_thread"), said)
    thread = in_review.threads.get()
    sign_in(people.owner).post(url(in_review, "reply", thread.pk), {"body": "It is."})
    html = ux.get(in_review.get_absolute_url()).content.decode()
    assert "Is <em>85</em> the right bar?" in html
    assert "Must fix" in html
    assert sign_in(people.business).post(url(in_review, "resolve", thread.pk)).status_code == 403
    ux.post(url(in_review, "resolve", thread.pk))
    thread.refresh_from_db()
    assert thread.is_resolved


def test_reopening_asks_for_a_reason(people: People, approved: Decision, sign_in: SignIn) -> None:
    owner = sign_in(people.owner)
    assert owner.post(url(approved, "move", "reopen"), {"reason": ""}).status_code == 422
    owner.post(url(approved, "move", "reopen"), {"reason": "The season changed."})
    record = factories.fresh(approved)
    assert (record.status, record.round) == ("draft", 2)
    history = owner.get(url(approved, "history")).content.decode()
    assert "The season changed." in history


def test_two_versions_are_compared_in_the_history(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    before = in_review.version
    factories.edit(in_review, "problem", people, problem="Quite another problem.")
    after = factories.fresh(in_review).version
    client = sign_in(people.ux)
    html = client.get(f"{url(in_review, 'history')}?from={before}&to={after}").content.decode()
    assert "another" in html
    assert "<ins>" in html
