"""What changed since a person last looked, part by part."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from decisions.actions.evidence import withdraw_evidence
from decisions.actions.looks import first_look, look_at
from decisions.actions.records import edit_details
from decisions.actions.rows import assess, edit_goal
from decisions.models import Decision, Look, User
from decisions.policies import BadInput, Refused
from decisions.record_page import RecordPage
from decisions.record_parts import with_parts
from tests import factories
from tests.factories import People, fresh

SignIn = Callable[[User], Client]


def page(record: Decision, user: User) -> RecordPage:
    """Return the record's page as a person gets it."""
    return RecordPage(with_parts(Decision.objects.all()).get(pk=record.pk), user)


def changed(record: Decision, user: User) -> list[str]:
    """Return the parts that changed since a person looked."""
    return [one.kind for one in page(record, user).news]


def url(record: Decision, name: str) -> str:
    return reverse(f"decisions:{name}", args=[record.reference])


@pytest.fixture
def opened(in_review: Decision, people: People) -> Decision:
    """A record in review that UX and DevOps have opened."""
    first_look(in_review, by=people.ux)
    first_look(in_review, by=people.devops)
    return in_review


def test_nothing_is_news_to_who_never_opened_or_just_opened_the_record(
    in_review: Decision, people: People
) -> None:
    assert changed(in_review, people.ux) == []
    first_look(in_review, by=people.ux)
    assert changed(in_review, people.ux) == []


def test_a_change_is_news_in_its_part_until_that_is_looked_at(
    opened: Decision, people: People
) -> None:
    factories.edit(opened, "problem", people, budget="Unlimited")
    factories.edit(opened, "results_business", people, reading="It pays.")
    assert changed(opened, people.ux) == ["problem", "results_business"]
    look_at(opened, by=people.ux, digest=fresh(opened).digest, kinds=["problem"])
    assert changed(opened, people.ux) == ["results_business"]
    look_at(opened, by=people.ux, digest=fresh(opened).digest)
    assert changed(opened, people.ux) == []
    assert changed(opened, people.devops) == ["problem", "results_business"]


def test_a_change_that_is_taken_back_is_no_news(opened: Decision, people: People) -> None:
    was = factories.section_of(opened, "problem").data["budget"]
    factories.edit(opened, "problem", people, budget="Unlimited")
    factories.edit(opened, "problem", people, budget=was)
    assert changed(opened, people.ux) == []


def test_goals_ratings_figures_and_the_title_are_news_where_they_are_shown(
    opened: Decision, people: People
) -> None:
    goal = opened.goals.get(metric="accuracy")
    edit_goal(goal, by=people.owner, token=goal.token, target=90.0)
    first = opened.candidates.get(letter="A")
    assess(first, by=people.business, role="business", ratings={"cost": (1, "Too much.")})
    withdraw_evidence(opened.evidence.get(number=1), by=people.owner, reason="A slip.")
    edit_details(opened, by=people.owner, title="A new title")
    assert changed(opened, people.ux) == ["", "goals", "candidates", "assessment_business"]


def test_the_difference_runs_from_the_persons_own_look(opened: Decision, people: People) -> None:
    factories.edit(opened, "problem", people, budget="One")
    look_at(opened, by=people.ux, digest=fresh(opened).digest)
    factories.edit(opened, "problem", people, budget="Two")
    (mine,) = page(opened, people.ux).news
    assert [(one.before, one.after) for one in mine.changes] == [("One", "Two")]
    (theirs,) = page(opened, people.devops).news
    assert [one.after for one in theirs.changes] == ["Two"]
    assert theirs.changes[0].before != "One"


def test_ones_own_words_are_no_news_to_oneself(opened: Decision, people: People) -> None:
    first_look(opened, by=people.business)
    factories.edit(opened, "problem", people, budget="Unlimited")
    assert changed(opened, people.business) == []
    assert changed(opened, people.ux) == ["problem"]


def test_saving_a_part_shows_what_others_changed_there_and_a_row_does_not(
    opened: Decision, people: People
) -> None:
    first_look(opened, by=people.owner)
    accuracy, latency = opened.goals.order_by("pk")
    edit_goal(accuracy, by=people.business, token=accuracy.token, target=90.0)
    edit_goal(latency, by=people.owner, token=latency.token, target=200.0)
    assert changed(opened, people.owner) == ["goals"]


def test_signing_is_a_look_at_everything(opened: Decision, people: People) -> None:
    factories.edit(opened, "problem", people, budget="Unlimited")
    factories.sign(opened, people.ux, "ux")
    assert changed(opened, people.ux) == []


def test_what_the_workers_measured_is_still_to_be_looked_at_by_who_asked(
    opened: Decision, people: People
) -> None:
    first_look(opened, by=people.data_science)
    factories.measure(opened.candidates.get(letter="A"), people, accuracy=99.0)
    assert changed(opened, people.data_science) == ["candidates"]


def test_opening_a_page_never_moves_a_look(
    opened: Decision, people: People, sign_in: SignIn
) -> None:
    factories.edit(opened, "problem", people, budget="Unlimited")
    before = list(Look.objects.order_by("pk").values())
    client = sign_in(people.ux)
    for name in ("record", "review", "changes"):
        assert client.get(url(opened, name)).status_code == 200
    assert list(Look.objects.order_by("pk").values()) == before
    first_look(opened, by=people.ux)
    assert list(Look.objects.order_by("pk").values()) == before


def test_the_first_opening_notes_a_look_at_every_part_and_writes_no_event(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    events = in_review.events.count()
    sign_in(people.ux).get(url(in_review, "record"))
    looks = Look.objects.filter(user=people.ux)
    assert looks.count() == in_review.sections.count()
    assert {one.digest for one in looks} == {in_review.digest}
    assert in_review.events.count() == events


def test_a_later_look_is_not_taken_back_by_an_old_page(opened: Decision, people: People) -> None:
    old = opened.digest
    factories.edit(opened, "problem", people, budget="One")
    look_at(opened, by=people.ux, digest=fresh(opened).digest)
    look_at(opened, by=people.ux, digest=old)
    assert changed(opened, people.ux) == []


def test_a_look_at_what_the_record_never_said_is_refused(opened: Decision, people: People) -> None:
    with pytest.raises(BadInput, match="never said that"):
        look_at(opened, by=people.ux, digest="f" * 64)
    with pytest.raises(Refused):
        look_at(opened, by=people.outsider, digest=opened.digest)


def test_the_chip_leads_to_the_difference_and_ticking_it_off_takes_it_away(
    opened: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    assert "Changed since you looked" not in client.get(url(opened, "record")).content.decode()
    factories.edit(opened, "problem", people, budget="Unlimited")
    html = client.get(url(opened, "record")).content.decode()
    assert html.count(f'href="{url(opened, "review")}#changed-problem"') == 2
    html = client.get(url(opened, "review")).content.decode()
    assert 'id="changed-problem"' in html
    assert "<ins>Unlimited</ins>" in html
    sent = {"digest": fresh(opened).digest, "section": "problem"}
    response = client.post(url(opened, "look"), sent, follow=True)
    assert response.redirect_chain == [(url(opened, "review"), 302)]
    html = response.content.decode()
    assert "You have looked at everything." in html
    assert 'id="changed-problem"' not in html


def test_with_htmx_a_look_answers_with_what_is_left(
    opened: Decision, people: People, sign_in: SignIn
) -> None:
    factories.edit(opened, "problem", people, budget="Unlimited")
    factories.edit(opened, "results_business", people, reading="It pays.")
    client = Client(headers={"HX-Request": "true"})
    client.force_login(people.ux)
    sent = {"digest": fresh(opened).digest, "section": "problem"}
    html = client.post(url(opened, "look"), sent).content.decode()
    assert 'id="changed-results_business"' in html
    assert 'id="changed-problem"' not in html
    assert "1 part to look at." in html
    assert "<html" not in html


def test_a_reader_who_may_not_review_sees_the_difference_on_a_page_of_its_own(
    people: People, sign_in: SignIn
) -> None:
    record = factories.complete_draft(people, visibility="everyone")
    client = sign_in(people.outsider)
    client.get(url(record, "record"))
    factories.edit(record, "problem", people, budget="Unlimited")
    assert f'href="{url(record, "changes")}#changed-problem"' in (
        client.get(url(record, "record")).content.decode()
    )
    html = client.get(url(record, "changes")).content.decode()
    assert "<ins>Unlimited</ins>" in html
    response = client.post(url(record, "look"), {"digest": fresh(record).digest})
    assert response["Location"] == url(record, "changes")
    assert changed(record, people.outsider) == []


def test_a_digest_that_never_was_is_bad_input_on_the_page_too(
    opened: Decision, people: People, sign_in: SignIn
) -> None:
    response = sign_in(people.ux).post(url(opened, "look"), {"digest": "nonsense"})
    assert response.status_code == 422


def test_the_queries_do_not_grow_with_parts_that_changed_or_with_versions(
    opened: Decision, people: People, sign_in: SignIn, django_assert_max_num_queries: Callable
) -> None:
    client = sign_in(people.ux)
    factories.edit(opened, "problem", people, budget="One")
    with django_assert_max_num_queries(80) as few:
        client.get(url(opened, "review"))
    for number in range(6):
        look_at(opened, by=people.ux, digest=fresh(opened).digest, kinds=["recommendation"])
        factories.edit(opened, "results_business", people, reading=f"It pays {number}.")
        factories.edit(opened, "recommendation", people, risks=f"Few: {number}")
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(url(opened, "review"))
