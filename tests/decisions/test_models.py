"""What the tables answer and find, and the rules that the database itself keeps."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from decisions import clock
from decisions.actions.records import edit_details, invite, open_decision
from decisions.models import Decision, Evidence, Goal, Participant, Section
from tests import factories
from tests.append_only import triggers_away
from tests.factories import People


def visible(user: object) -> list[str]:
    return [one.reference for one in Decision.objects.visible_to(user).order_by("number")]


def test_a_record_is_visible_to_its_people_unless_it_is_open_to_all(people: People) -> None:
    factories.open_record(people)
    factories.open_record(people, title="Open to all", visibility="everyone")
    for person in (people.owner, people.ux):
        assert visible(person) == ["DR-1", "DR-2"]
    assert visible(people.outsider) == ["DR-2"]
    assert visible(factories.person("root", is_superuser=True)) == ["DR-1", "DR-2"]


def test_two_roles_on_a_record_list_it_once(draft: Decision, people: People) -> None:
    invite(draft, by=people.owner, user=people.ux, role="devops")
    assert visible(people.ux) == ["DR-1"]
    assert Decision.objects.involving(people.ux).count() == 1
    assert draft.roles_of(people.ux) == {"ux", "devops"}
    assert draft.signing_roles_of(people.ux) == {"ux"}


def test_involving_leaves_out_what_is_only_open_to_all(people: People) -> None:
    factories.open_record(people, visibility="everyone")
    assert not Decision.objects.involving(people.outsider).exists()
    assert Decision.objects.held_as(people.ux, "ux").exists()
    assert not Decision.objects.held_as(people.ux, "devops").exists()


@pytest.mark.parametrize(
    ("reference", "found"),
    [("DR-1", True), ("dr-1", True), ("DR-2", False), ("DR-01", False), ("1", False), ("", False)],
)
def test_a_record_is_found_by_its_reference(reference: str, found: bool, draft: Decision) -> None:
    assert Decision.objects.by_reference(reference).exists() == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("MESSAGES", True), ("dr-1", True), (" DR-1 ", True), ("rout", True), ("invoices", False)],
)
def test_a_record_is_found_by_title_tag_and_reference(
    text: str, found: bool, draft: Decision, people: People
) -> None:
    edit_details(draft, by=people.owner, tags=["routing"])
    assert Decision.objects.matching(text).exists() == found


@pytest.mark.parametrize("tag", ["routing", "größe", "路由"])
def test_a_record_is_found_by_its_whole_tag_in_any_script(
    tag: str, draft: Decision, people: People
) -> None:
    edit_details(draft, by=people.owner, tags=[tag, "other"])
    assert Decision.objects.tagged(tag).exists()
    assert not Decision.objects.tagged(tag[:-1]).exists()


@pytest.mark.parametrize("text", ["größe", "路由"])
def test_a_tag_in_any_script_is_found_by_search(text: str, draft: Decision, people: People) -> None:
    edit_details(draft, by=people.owner, tags=[text])
    assert Decision.objects.matching(text).exists()


def test_an_approved_record_comes_back_on_its_review_date(approved: Decision) -> None:
    due = Decision.objects.due_to_be_looked_at_again
    assert not due().exists()
    Decision.objects.filter(pk=approved.pk).update(review_on=clock.today())
    assert due().exists()
    Decision.objects.filter(pk=approved.pk).update(review_on=clock.today() + timedelta(days=1))
    assert not due().exists()


def test_records_are_listed_in_the_order_asked_for(people: People) -> None:
    dues = {"b": date(2030, 1, 2), "A": None, "c": date(2030, 1, 1)}
    for title, due_on in dues.items():
        open_decision(by=people.owner, title=title, due_on=due_on)

    def titles(order: str) -> str:
        return "".join(Decision.objects.in_order(order).values_list("title", flat=True))

    assert {order: titles(order) for order in ("changed", "due", "number", "title")} == {
        "changed": "cAb",
        "due": "cbA",
        "number": "cAb",
        "title": "Abc",
    }


def test_a_goal_is_met_at_its_target_and_on_its_better_side() -> None:
    at_least = Goal(direction="at_least", target=85.0)
    at_most = Goal(direction="at_most", target=300.0)
    assert [at_least.meets(value) for value in (84.9, 85.0, 85.1)] == [False, True, True]
    assert [at_most.meets(value) for value in (299.9, 300.0, 300.1)] == [True, True, False]


RULES = {
    "decision_status_known": lambda on: Decision.objects.update(status="odd"),
    "decision_visibility_known": lambda on: Decision.objects.update(visibility="odd"),
    "decision_superseded_names_its_successor": lambda on: Decision.objects.update(
        status="superseded"
    ),
    "section_state_known": lambda on: Section.objects.update(state="odd"),
    "section_changed_at_with_by": lambda on: Section.objects.update(changed_at=None),
    "goal_direction_known": lambda on: Goal.objects.update(direction="odd"),
    "goal_weight_not_negative": lambda on: Goal.objects.update(weight=-1),
    "candidate_approach_known": lambda on: on.candidates.update(approach="odd"),
    "assessment_rating_1_to_5": lambda on: on.candidates.get(letter="A").assessments.update(
        rating=6
    ),
    "participant_role_known": lambda on: Participant.objects.update(role="odd"),
    "evidence_withdrawn_at_with_by": lambda on: Evidence.objects.update(withdrawn_at=clock.now()),
    "evidence_interval_ordered": lambda on: Evidence.objects.update(low=9, high=8),
    "evidence_kind_known": lambda on: Evidence.objects.update(kind="odd"),
    "signature_meaning_known": lambda on: on.sign_offs.update(meaning="odd", text="Some words."),
    "signature_dissent_has_text": lambda on: on.sign_offs.update(meaning="reject", text=""),
}


def test_the_database_keeps_its_rules_whoever_writes(signed: Decision) -> None:
    with triggers_away():
        for rule, break_it in RULES.items():
            with pytest.raises(IntegrityError, match=rule), transaction.atomic():
                break_it(signed)


def test_things_name_themselves_in_the_fields_own_words(signed: Decision, people: People) -> None:
    assert str(signed) == "DR-1 Where should messages go?"
    assert signed.get_absolute_url() == "/decisions/DR-1/"
    assert str(people.ux) == people.ux.get_full_name() == "Uma Lindqvist"
    assert people.ux.get_short_name() == "Uma"
    assert str(signed.candidates.get(letter="B")) == "B. A tuned head"
    assert str(signed.evidence.get(number=2)) == "E2 Latency, 95th percentile"
    assert str(signed.participants.get(role="ux")) == "Uma Lindqvist (UX)"
    assert str(signed.events.get(sequence=1)) == "DR-1 #1 open"
    assert str(signed.versions.get(number=1)) == "DR-1 version 1"
    assert str(signed.sign_offs.get(role="devops")) == "Devi Menon (DevOps)"


def test_the_database_takes_no_half_interval(in_review: Decision) -> None:
    one = Evidence.objects.filter(decision=in_review, low__isnull=False).first()
    assert one is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        Evidence.objects.filter(pk=one.pk).update(high=None)
