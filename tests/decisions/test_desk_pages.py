"""The desk and the list: what waits on whom, and finding a decision."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from decisions import clock
from decisions.actions.records import edit_details
from decisions.actions.review import send_review
from decisions.desk import tasks_of
from decisions.models import Decision, User
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]


def waits(record: Decision, user: User) -> list[str]:
    """Return what the record asks of a person, in a word or two each."""
    return [task.verb for task in tasks_of(factories.fresh(record), user)]


def test_a_draft_waits_on_each_role_for_its_parts(people: People, draft: Decision) -> None:
    for user in (*people.signatories.values(), people.owner):
        assert waits(draft, user) == ["Write your parts"]
    assert waits(draft, people.outsider) == []


def test_a_complete_draft_waits_on_its_owner(people: People, complete_draft: Decision) -> None:
    assert waits(complete_draft, people.owner) == ["Submit it for review"]
    assert waits(complete_draft, people.ux) == []


def test_a_record_in_review_waits_on_its_signatories(people: People, in_review: Decision) -> None:
    assert waits(in_review, people.ux) == ["Read and sign"]
    assert waits(in_review, people.owner) == []


def test_a_signed_record_waits_on_its_owner(people: People, signed: Decision) -> None:
    assert waits(signed, people.owner) == ["Approve it"]
    assert waits(signed, people.ux) == []


def test_after_a_change_the_signers_are_asked_again(people: People, signed: Decision) -> None:
    factories.edit(signed, "problem", people, problem="Another problem.")
    record = factories.fresh(signed)
    assert [task.sentence for task in tasks_of(record, people.ux)] == [
        "It changed after you signed for UX: read what changed and sign again."
    ]


def test_a_request_for_changes_waits_on_the_owner(people: People, signed: Decision) -> None:
    send_review(signed, by=people.devops, verdict="request_changes", body="Not yet.")
    assert waits(signed, people.owner) == ["Answer the request"]


def test_what_waits_on_others_stands_apart_without_a_button(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    send_review(signed, by=people.devops, verdict="request_changes", body="Not yet.")
    factories.edit(signed, "problem", people, problem="Another problem.")
    html = sign_in(people.owner).get(reverse("desk")).content.decode()
    assert "Nothing waits on you" in html
    apart = html.partition("Waits on others")[2].partition("</section>")[0]
    assert "Devi Menon has to look again" in apart
    assert "button" not in apart
    assert f"#review-{signed.reviews.get().pk}" in apart


def test_an_approved_record_comes_back_on_its_day(people: People, approved: Decision) -> None:
    assert waits(approved, people.owner) == []
    Decision.objects.filter(pk=approved.pk).update(review_on=clock.today())
    assert waits(approved, people.owner) == ["Say what became of it"]


def test_the_oldest_due_comes_first(people: People, sign_in: SignIn) -> None:
    later = factories.in_review(people, title="The later one")
    sooner = factories.in_review(people, title="The sooner one")
    edit_details(later, by=people.owner, due_on=clock.today() + timedelta(days=9))
    edit_details(sooner, by=people.owner, due_on=clock.today() + timedelta(days=2))
    html = sign_in(people.ux).get(reverse("desk")).content.decode()
    assert html.index("The sooner one") < html.index("The later one")


def test_the_desk_of_an_outsider_is_empty_and_says_what_to_do(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    html = sign_in(people.outsider).get(reverse("desk")).content.decode()
    assert "Nothing waits on you" in html
    assert draft.title not in html


def test_the_desk_tells_what_others_did(people: People, draft: Decision, sign_in: SignIn) -> None:
    html = sign_in(people.ux).get(reverse("desk")).content.decode()
    assert "opened the decision" in html


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("", True),
        ("q=messages", True),
        ("q=DR-{number}", True),
        ("q=größe", True),
        ("q=penguins", False),
        ("status=draft", True),
        ("status=approved", False),
        ("role=ux", True),
        ("role=devops", False),
        ("tag=Größe", True),
        ("tag=other", False),
        ("whose=mine", True),
        ("whose=owned", False),
        ("sort=due", True),
        ("sort=nonsense&page=77", True),
    ],
)
def test_a_decision_is_found_by_search_and_filters(
    query: str, is_found: bool, people: People, draft: Decision, sign_in: SignIn
) -> None:
    edit_details(draft, by=people.owner, tags=["größe", "support"])
    url = f"{reverse('decisions:list')}?{query.format(number=draft.number)}"
    html = sign_in(people.ux).get(url).content.decode()
    assert (draft.title in html) == is_found


def test_a_new_decision_starts_from_the_record_template(people: People, sign_in: SignIn) -> None:
    said = {
        "title": "How do we answer questions?",
        "template": "adapting-an-llm",
        "visibility": "participants",
        "tags": "Answers, answers, UX",
    }
    response = sign_in(people.ux).post(reverse("decisions:new"), said)
    record = Decision.objects.get(title="How do we answer questions?")
    assert response["Location"] == record.get_absolute_url()
    assert record.owner == people.ux
    assert record.tags == ["answers", "ux"]
    assert record.sections.count() == 16


def test_a_decision_without_a_title_keeps_what_was_typed(people: People, sign_in: SignIn) -> None:
    said = {"title": "", "template": "adapting-an-llm", "visibility": "everyone", "tags": "kept"}
    response = sign_in(people.ux).post(reverse("decisions:new"), said)
    assert response.status_code == 422
    assert 'value="kept"' in response.content.decode()
    assert not Decision.objects.exists()


def test_the_owner_gives_a_role(people: People, draft: Decision, sign_in: SignIn) -> None:
    url = reverse("decisions:people", args=[draft.reference])
    said = {"email": people.outsider.email, "role": "ux"}
    assert sign_in(people.ux).post(url, said).status_code == 403
    assert sign_in(people.owner).post(url, said).status_code == 302
    assert sign_in(people.outsider).get(draft.get_absolute_url()).status_code == 200
    unknown = sign_in(people.owner).post(url, said | {"email": "nobody@example.org"})
    assert unknown.status_code == 422
    assert "No one with this address" in unknown.content.decode()
