"""Reviewing, signing and approving in the browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions import clock
from decisions.actions.delegation import accept_delegation, delegate, end_delegation
from decisions.actions.lifecycle import submit
from decisions.actions.records import remove_participant
from decisions.models import Decision, Delegation, Participant, User
from decisions.signing_policy import Order, SigningPolicy
from decisions.views import signing
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


def lend(record: Decision, giver: User, taker: User, **fields: Any) -> Delegation:
    """Have one person let another sign a record in their place, accepted."""
    delegation = delegate(record, by=giver, taker=taker, **fields)
    accept_delegation(delegation, by=taker)
    return delegation


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def signed_for_uma(record: Decision, people: People, **fields: Any) -> dict[str, Any]:
    return signature(record, role=f"ux:{people.ux.pk}", **fields)


def test_who_stands_in_signs_in_the_place_they_choose(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    lend(in_review, people.ux, people.devops)
    client = sign_in(people.devops)
    html = text_of(client.get(url(in_review, "sign")))
    assert "UX, in place of Uma Lindqvist" in html
    assert "it reads “Devi Menon for Uma Lindqvist”" in html
    assert client.post(url(in_review, "sign"), signature(in_review, role="")).status_code == 422
    response = client.post(url(in_review, "sign"), signed_for_uma(in_review, people), follow=True)
    assert "You have signed DR-1 for UX, in place of Uma Lindqvist." in text_of(response)
    assert in_review.sign_offs.get().in_words == "Devi Menon for Uma Lindqvist"


def test_the_only_place_is_chosen_already(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    lend(in_review, people.ux, people.outsider)
    html = text_of(sign_in(people.outsider).get(url(in_review, "sign")))
    assert f'value="ux:{people.ux.pk}"' in html
    assert html.count("checked") == 1


def test_what_was_typed_comes_back_but_never_the_password(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    said = signature(in_review, meaning="reject", text="It misleads <people>.", password="a-guess")
    response = sign_in(people.ux).post(url(in_review, "sign"), said)
    html = response.content.decode()
    assert response.status_code == 422
    assert "It misleads &lt;people&gt;." in html
    assert "a-guess" not in html
    assert 'data-unsaved="typed"' in html
    assert 'value="reject"' in html


@pytest.mark.parametrize("password", ["a-guess", PASSWORD])
def test_what_moved_comes_back_with_the_difference_and_what_was_typed(
    password: str, people: People, in_review: Decision, sign_in: SignIn
) -> None:
    said = signature(in_review, meaning="reject", text="It misleads people.", password=password)
    factories.edit(in_review, "problem", people, problem="It is worse than we thought.")
    now_says = factories.fresh(in_review)
    client = sign_in(people.ux)
    response = client.post(url(in_review, "sign"), said)
    html = response.content.decode()
    assert response.status_code == 409
    assert "Nothing was signed" in html
    assert "<ins>" in html
    assert "It misleads people." in html
    assert f'value="{now_says.digest}"' in html
    assert PASSWORD not in html
    again = client.post(
        url(in_review, "sign"), said | {"digest": now_says.digest} | {"password": PASSWORD}
    )
    assert again.status_code == 302
    assert in_review.sign_offs.get().digest == now_says.digest


def test_a_digest_the_record_never_had_is_not_signed(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    for digest in ("", "f" * 64, "nonsense"):
        response = sign_in(people.ux).post(
            url(in_review, "sign"), signature(in_review, digest=digest)
        )
        assert response.status_code == 409
    assert not in_review.sign_offs.exists()


def test_the_content_moving_at_the_last_moment_shows_the_difference_and_the_words(
    people: People, in_review: Decision, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page compares, and then the action does, under the lock: an edit can come between."""
    real = signing.sign_off

    def late(decision: Decision, **fields: Any) -> Any:
        factories.edit(decision, "problem", people, problem="It is worse than we thought.")
        return real(decision, **fields)

    monkeypatch.setattr(signing, "sign_off", late)
    said = signature(in_review, meaning="reject", text="It misleads people.")
    response = sign_in(people.ux).post(url(in_review, "sign"), said)
    html = response.content.decode()
    assert response.status_code == 409
    assert "worse" in html
    assert "It misleads people." in html
    assert not in_review.sign_offs.exists()


def test_who_stands_in_is_shown_what_changed_since_the_last_signature_in_that_seat(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    lend(signed, people.ux, people.outsider)
    factories.edit(signed, "problem", people, problem="Worse than we thought.")
    html = text_of(sign_in(people.outsider).get(url(signed, "sign")))
    assert "Changed since Uma Lindqvist signed" in html
    assert html.index("Changed since Uma Lindqvist signed") < html.index('class="sheet"')
    assert "Worse" in html[: html.index('class="sheet"')]


def test_the_difference_comes_once_for_all_places_last_signed_alike(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    lend(in_review, people.ux, people.devops)
    factories.sign(in_review, people.devops, "devops")
    factories.sign(in_review, people.devops, "ux", signed_for=people.ux)
    factories.edit(in_review, "problem", people, problem="Worse than we thought.")
    html = text_of(sign_in(people.devops).get(url(in_review, "sign")))
    assert html.count("Changed since you signed") == 1
    assert "DevOps; UX, in place of Uma Lindqvist" in html


def test_dissent_is_shown_to_who_signs_next_also_when_it_was_given_up(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    factories.sign(in_review, people.ux, "ux", meaning="reject", text="It misleads people.")
    factories.sign(
        in_review, people.business, "business", meaning="approve_with_reservation", text="Costly."
    )
    html = text_of(sign_in(people.devops).get(url(in_review, "sign")))
    assert "It misleads people." in html
    assert "Costly." in html
    factories.sign(in_review, people.ux, "ux")
    html = text_of(sign_in(people.devops).get(url(in_review, "sign")))
    assert "Replaced by a later approval, " in html
    assert "It misleads people." in html


def test_the_order_of_signing_is_shown_and_kept(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    template = complete_draft.template
    template.policy = SigningPolicy(("ux", "devops"), order=Order.LISTED).to_json()
    template.save()
    submit(complete_draft, by=people.owner)
    record = factories.fresh(complete_draft)
    waits = sign_in(people.devops).get(url(record, "sign"))
    assert waits.status_code == 409
    assert "UX signs before DevOps." in text_of(waits)
    html = text_of(sign_in(people.ux).get(url(record, "sign")))
    assert "In this order: UX, DevOps." in html
    assert "Now it is the turn of UX." in html
    lend(record, people.ux, people.devops)
    both = sign_in(people.devops)
    html = text_of(both.get(url(record, "sign")))
    assert "<b>DevOps</b>: UX signs before DevOps." in html
    early = both.post(url(record, "sign"), signature(record, role="devops"))
    assert early.status_code == 409
    assert "UX signs before DevOps." in text_of(early)


def test_who_stands_in_does_not_speak_over_what_was_said_in_person(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    lend(in_review, people.ux, people.outsider)
    factories.sign(in_review, people.ux, "ux", meaning="reject", text="It misleads people.")
    client = sign_in(people.outsider)
    for response in (
        client.get(url(in_review, "sign")),
        client.post(url(in_review, "sign"), signed_for_uma(in_review, people)),
    ):
        assert response.status_code == 409
        assert "Uma Lindqvist has signed for UX in person." in text_of(response)
    assert in_review.sign_offs.count() == 1
    factories.edit(in_review, "problem", people, problem="Another.")
    assert client.get(url(in_review, "sign")).status_code == 200, "that has lapsed"


@pytest.mark.parametrize("visibility", ["participants", "everyone"])
def test_a_leave_revoked_while_reading_is_told_and_nothing_is_signed(
    visibility: str, people: People, sign_in: SignIn
) -> None:
    record = factories.in_review(people, visibility=visibility)
    delegation = lend(record, people.ux, people.outsider)
    end_delegation(delegation, by=people.ux)
    client = sign_in(people.outsider)
    response = client.post(url(record, "sign"), signed_for_uma(record, people))
    assert response.status_code == 403
    assert "Uma Lindqvist no longer lets you sign in their place. Revoked" in text_of(response)
    assert not record.sign_offs.exists()
    told_nothing = client.post(url(record, "sign"), signed_for_uma(record, people, digest="0" * 64))
    assert told_nothing.status_code == (404 if visibility == "participants" else 403)


def test_a_leave_that_ran_out_while_reading_is_told(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    until = clock.now() + timedelta(days=1)
    lend(in_review, people.ux, people.devops, until=until)
    client = sign_in(people.devops)
    with clock.held_at(until):
        response = client.post(url(in_review, "sign"), signed_for_uma(in_review, people))
    assert response.status_code == 403
    assert "You can no longer sign in place of Uma Lindqvist. Ran out" in text_of(response)
    assert not in_review.sign_offs.exists()


def test_a_signatory_taken_off_while_someone_reads_for_them_is_told(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    lend(in_review, people.ux, people.devops)
    seat = Participant.objects.get(decision=in_review, user=people.ux)
    remove_participant(in_review, by=people.owner, participant=seat)
    response = sign_in(people.devops).post(
        url(in_review, "sign"), signed_for_uma(in_review, people)
    )
    assert response.status_code == 403
    assert "Uma Lindqvist does not sign for UX here any more." in text_of(response)


@pytest.mark.parametrize(
    "place", ["ux:0", "ux:999999999999999999", "pope:1", "ux:-1", "ux:", ":", "ux:1:1"]
)
def test_a_made_up_place_is_refused_in_words(
    place: str, people: People, in_review: Decision, sign_in: SignIn
) -> None:
    response = sign_in(people.devops).post(url(in_review, "sign"), signature(in_review, role=place))
    assert response.status_code == 422
    assert "You cannot sign in this place now." in text_of(response)


def test_a_double_click_signs_once(people: People, in_review: Decision, sign_in: SignIn) -> None:
    lend(in_review, people.ux, people.outsider)
    client = sign_in(people.outsider)
    said = signed_for_uma(in_review, people, meaning="reject", text="No.\r\nNot yet.")
    for _click in range(2):
        assert client.post(url(in_review, "sign"), said).status_code == 302
    assert in_review.sign_offs.get().text == "No.\nNot yet."
    assert factories.kinds_of_events(in_review).count("sign") == 1


def test_who_has_signed_is_told_so_and_may_sign_otherwise(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    factories.sign(in_review, people.ux, "ux")
    client = sign_in(people.ux)
    html = text_of(client.get(url(in_review, "sign")))
    assert "You have signed what the record says now: UX. Signing again replaces it." in html
    otherwise = signature(in_review, meaning="reject", text="On second thoughts.")
    assert client.post(url(in_review, "sign"), otherwise).status_code == 302
    assert in_review.sign_offs.count() == 2


def test_a_second_click_on_approve_is_answered_like_the_first(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    owner = sign_in(people.owner)
    for _click in range(2):
        response = owner.post(url(signed, "move", "approve"), follow=True)
        assert response.status_code == 200
        assert "The record is approved." in response.content.decode()
    assert factories.kinds_of_events(signed).count("approve") == 1
    for _click in range(2):
        response = owner.post(url(signed, "move", "reopen"), {"reason": "New facts."}, follow=True)
        assert "The record is a draft again." in response.content.decode()
    assert factories.fresh(signed).round == 2
