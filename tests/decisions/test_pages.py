"""Every page of a record, visited by everyone: who may see it, who may do it, and what it says."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from decisions.actions.review import Remark, open_thread
from decisions.models import Decision, User
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]

# Address of a page → who gets it, besides nobody who is signed out and no outsider (404).
# Initials: o = owner, b = business, d = data science, p = DevOps, u = UX.
PAGES: dict[str, str] = {
    "record": "obdpu",
    "candidates": "obdpu",
    "advice": "obdpu",
    "evidence": "obdpu",
    "people": "obdpu",
    "history": "obdpu",
    "documents": "obdpu",
    "details": "o",
    "new_goal": "obdpu",
    "new_candidate": "od",
    "new_thread": "obdpu",
    "section problem": "b",
    "section profile_data": "d",
    "section profile_operations": "p",
    "section profile_interaction": "u",
    "section recommendation": "o",
    "candidate A": "od",
    "assess A business": "b",
    "assess A data_science": "d",
    "assess A devops": "p",
    "assess A ux": "u",
    "move withdraw": "o",
}

READ = ("record", "candidates", "advice", "evidence", "people", "history", "documents")


def address(record: Decision, page: str) -> str:
    """Return the address of a page of the table."""
    name, *arguments = page.split()
    return reverse(f"decisions:{name}", args=[record.reference, *arguments])


def everyone(people: People) -> dict[str, User]:
    """Return the standing people by the initials of the table."""
    return {
        "o": people.owner,
        "b": people.business,
        "d": people.data_science,
        "p": people.devops,
        "u": people.ux,
    }


def test_each_page_opens_for_those_who_may_and_no_one_else(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    found = dict.fromkeys(PAGES, "")
    for initial, user in everyone(people).items():
        client = sign_in(user)
        for page in PAGES:
            status = client.get(address(complete_draft, page)).status_code
            assert status in {200, 403}
            found[page] += initial if status == 200 else ""
    assert found == PAGES


def test_an_outsider_finds_nothing_at_any_address(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.outsider)
    found = {page: client.get(address(complete_draft, page)).status_code for page in PAGES}
    assert found == dict.fromkeys(PAGES, 404)


def test_whoever_is_signed_out_is_asked_to_sign_in(
    complete_draft: Decision, client: Client
) -> None:
    for page in PAGES:
        response = client.get(address(complete_draft, page))
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("reference", ["DR-999", "DR-0", "dr-12345678"])
def test_a_record_that_does_not_exist_is_not_found(
    reference: str, people: People, sign_in: SignIn
) -> None:
    response = sign_in(people.owner).get(f"/decisions/{reference}/")
    assert response.status_code == 404
    assert "Countersign" in response.content.decode()


def test_everyone_reads_a_record_that_is_open_to_everyone_and_no_one_edits_it(
    people: People, sign_in: SignIn
) -> None:
    record = factories.complete_draft(people, visibility="everyone")
    client = sign_in(people.outsider)
    assert client.get(record.get_absolute_url()).status_code == 200
    assert client.get(address(record, "section problem")).status_code == 403


def test_a_wrong_state_is_a_conflict_that_says_why(
    people: People, approved: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.business)
    response = client.get(address(approved, "section problem"))
    assert response.status_code == 409
    assert "The record is approved." in response.content.decode()


def test_submitting_an_unfinished_record_is_refused_with_what_is_missing(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    response = sign_in(people.owner).post(address(draft, "move submit"))
    assert response.status_code == 409
    assert "is not complete" in response.content.decode()


@pytest.mark.parametrize("status", ["draft", "in_review", "approved", "withdrawn", "superseded"])
def test_the_record_reads_in_every_status_for_every_participant(
    status: str, people: People, sign_in: SignIn
) -> None:
    record = factories.record_in(status, people)
    for user in everyone(people).values():
        client = sign_in(user)
        for page in READ:
            assert client.get(address(record, page)).status_code == 200


def test_the_queries_of_the_record_do_not_grow_with_its_threads(
    people: People, in_review: Decision, sign_in: SignIn, django_assert_max_num_queries: Callable
) -> None:
    client = sign_in(people.owner)
    open_thread(in_review, by=people.ux, remark=Remark("Is this so?"))
    with django_assert_max_num_queries(60) as few:
        client.get(in_review.get_absolute_url())
    for number in range(20):
        open_thread(in_review, by=people.ux, remark=Remark(f"Is this so? {number}"))
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(in_review.get_absolute_url())


def test_no_page_holds_an_inline_script_or_style(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.owner)
    for page in READ:
        response = client.get(address(in_review, page))
        html = response.content.decode()
        assert " style=" not in html
        assert "<style" not in html
        assert "onclick" not in html
        assert "unsafe" not in response["Content-Security-Policy"]
