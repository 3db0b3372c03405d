"""What was typed comes back where it is not taken, without JavaScript too, to be copied."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions.actions.delegation import accept_delegation, delegate, end_delegation
from decisions.actions.lifecycle import withdraw
from decisions.actions.records import remove_participant
from decisions.models import Decision, User
from tests import factories
from tests.factories import PASSWORD, People, section_of

SignIn = Callable[[User], Client]

TYPED = "Words <b>nobody</b> wants to write twice."
SHOWN = "Words &lt;b&gt;nobody&lt;/b&gt; wants to write twice."
GOAL = {"metric": "accuracy", "direction": "at_least", "target": "93.25", "weight": "2"}

# Page → whose it is, its further arguments, and what is sent.
FORMS: dict[str, tuple[str, list[Any], dict[str, str]]] = {
    "section": ("business", ["problem"], {"problem": TYPED, "token": "0"}),
    "sign": ("ux", [], {"role": "ux", "meaning": "reject", "text": TYPED, "password": PASSWORD}),
    "new_candidate": ("data_science", [], {"name": "C", "approach": "rag", "risks": TYPED}),
    "candidate": ("data_science", ["A"], {"name": "A", "approach": "rag", "summary": TYPED}),
    "assess": ("ux", ["A", "ux"], {"fit_rating": "2", "fit_reason": TYPED}),
    "withdraw_evidence": ("data_science", [1], {"reason": TYPED}),
    "move": ("owner", ["withdraw"], {"reason": TYPED}),
    "details": ("owner", [], {"title": TYPED}),
}


def post(client: Client, record: Decision, page: str, /, *args: Any, **data: Any) -> Any:
    return client.post(reverse(f"decisions:{page}", args=[record.reference, *args]), data)


@pytest.mark.parametrize("page", FORMS)
def test_what_the_records_state_refuses_is_shown_to_be_copied(
    page: str, people: People, in_review: Decision, sign_in: SignIn
) -> None:
    who, arguments, data = FORMS[page]
    withdraw(in_review, by=people.owner, reason="Given up.")
    client = sign_in(people.everyone[who])
    before = factories.all_rows()
    response = post(client, in_review, page, *arguments, **data)
    html = response.content.decode()
    assert response.status_code == 409
    assert SHOWN in html
    assert "What you had written" in html
    assert PASSWORD not in html
    assert factories.all_rows() == before


@pytest.mark.parametrize(("visibility", "status"), [("everyone", 403), ("participants", 404)])
@pytest.mark.parametrize("page", ["section", "assess"])
def test_who_lost_their_role_meanwhile_keeps_what_they_typed(
    page: str, visibility: str, status: int, people: People, sign_in: SignIn
) -> None:
    record = factories.in_review(people, visibility=visibility)
    who, arguments, data = FORMS[page]
    user = people.everyone[who]
    for held in record.participants.filter(user=user):
        remove_participant(record, by=people.owner, participant=held)
    response = post(sign_in(user), record, page, *arguments, **data)
    assert response.status_code == status
    assert SHOWN in response.content.decode()


@pytest.mark.parametrize("visibility", ["participants", "everyone"])
def test_who_lost_their_leave_to_sign_keeps_the_reason_they_typed(
    visibility: str, people: People, sign_in: SignIn
) -> None:
    record = factories.in_review(people, visibility=visibility)
    lent = delegate(record, by=people.ux, taker=people.outsider)
    accept_delegation(lent, by=people.outsider)
    end_delegation(lent, by=people.ux)
    said = FORMS["sign"][2] | {"role": f"ux:{people.ux.pk}", "digest": record.digest}
    response = post(sign_in(people.outsider), record, "sign", **said)
    html = response.content.decode()
    assert response.status_code == 403
    assert SHOWN in html
    assert "Reservation or reason" in html
    assert PASSWORD not in html
    assert not record.sign_offs.exists()


def test_numbers_and_choices_come_back_by_the_names_of_their_fields(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    withdraw(in_review, by=people.owner, reason="Given up.")
    html = post(sign_in(people.ux), in_review, "new_goal", **GOAL).content.decode()
    assert "93.25" in html
    assert "Direction" in html
    assert "at least" in html.lower()


def test_a_part_that_lacks_an_answer_by_now_gives_the_text_back(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    """The form finds nothing missing; the part does, under the lock: there is no goal."""
    part = section_of(draft, "goals")
    answers = factories.answers_to(part)
    name = next(iter(answers), None)
    data = {**answers, "token": part.token, "complete": "on"}
    response = post(sign_in(people.business), draft, "section", "goals", **data)
    assert response.status_code == 409
    assert "There is no goal yet." in response.content.decode()
    if name:
        assert "What you had written" in response.content.decode()


def test_a_page_that_was_only_looked_at_gives_nothing_back(
    people: People, approved: Decision, sign_in: SignIn
) -> None:
    address = reverse("decisions:section", args=[approved.reference, "problem"])
    response = sign_in(people.business).get(address)
    assert response.status_code == 409
    assert "What you had written" not in response.content.decode()
