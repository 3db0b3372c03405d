"""What lapses a signature, and what does not: field by field, and action by action."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model

from decisions.actions.evidence import withdraw_evidence
from decisions.actions.people import change_participant
from decisions.actions.records import edit_details, invite
from decisions.actions.review import resolve
from decisions.actions.rows import assess, edit_candidate, edit_goal
from decisions.actions.sections import mark_section, save_section
from decisions.content import IMMATERIAL, IMPLIED, MATERIAL, current_digest
from decisions.models import Decision, Thread
from decisions.signatures import Signatures
from tests import factories
from tests.decisions.test_content import change_field, pairs
from tests.factories import People, fresh, section_of
from tests.walks import taken_once


@taken_once
def signed_beside_another(people: People) -> Decision:
    """Return a record that all have signed, with some evidence withdrawn, and one beside it."""
    record = factories.in_review(people)
    withdraw_evidence(record.evidence.last(), by=people.owner, reason="A slip.")
    factories.sign_all(fresh(record), people)
    factories.open_record(people, title="Another record")
    return fresh(record)


def counting(record: Decision) -> int:
    """Return how many signatures count, computed from the rows as they stand."""
    now_says = fresh(record)
    return sum(seat.approves for seat in Signatures(now_says, current_digest(now_says)).seats)


@pytest.mark.parametrize(("model", "name"), pairs(MATERIAL) + pairs(IMPLIED))
def test_a_material_field_lapses_every_signature(
    model: type[Model], name: str, people: People
) -> None:
    record = signed_beside_another(people)
    assert counting(record) == 4
    change_field(record, model, name)
    assert counting(record) == 0


@pytest.mark.parametrize(("model", "name"), pairs(IMMATERIAL))
def test_an_immaterial_field_lapses_none(model: type[Model], name: str, people: People) -> None:
    record = signed_beside_another(people)
    change_field(record, model, name)
    assert counting(record) == 4


def _save_section(on: Decision, people: People) -> object:
    return factories.edit(on, "results_ux", people)


def _save_goal(on: Decision, people: People) -> object:
    goal = on.goals.get(metric="accuracy")
    return edit_goal(goal, by=people.owner, token=goal.token, target=goal.target, name=goal.name)


def _save_candidate(on: Decision, people: People) -> object:
    one = on.candidates.get(letter="A")
    return edit_candidate(one, by=people.owner, token=one.token, spec=one.spec, risks=one.risks)


def _rate_again(on: Decision, people: People) -> object:
    one = on.candidates.get(letter="A")
    said = {a.criterion: (a.rating, a.reason) for a in one.assessments.filter(role="ux")}
    return assess(one, by=people.ux, role="ux", ratings=said)


def _mark_again(on: Decision, people: People) -> object:
    return mark_section(section_of(on, "results_ux"), by=people.ux, complete=True)


def _invite_again(on: Decision, people: People) -> object:
    return invite(on, by=people.owner, user=people.ux, role="ux", is_signatory=True)


def _change_no_one(on: Decision, people: People) -> object:
    one = on.participants.get(role="ux")
    return change_participant(
        on, by=people.owner, participant=one, role="ux", is_signatory=one.is_signatory
    )


def _resolve_again(on: Decision, people: People) -> object:
    return resolve(on.threads.get(), by=people.owner)


def _save_with_an_old_token(on: Decision, people: People) -> object:
    """A save of what stands there already is no conflict, whatever it was made from."""
    section = section_of(on, "results_ux")
    return save_section(section, by=people.ux, data=section.data, token=0, complete=True)


SAVES: dict[str, Callable[[Decision, People], Any]] = {
    "a part": _save_section,
    "a part, from an old form": _save_with_an_old_token,
    "a part's mark": _mark_again,
    "a goal": _save_goal,
    "a candidate": _save_candidate,
    "a rating": _rate_again,
    "the details": lambda on, people: edit_details(on, by=people.owner, title=on.title),
    "an invitation": _invite_again,
    "somebody's role": _change_no_one,
    "a thread that is resolved": _resolve_again,
}


@pytest.mark.parametrize("what", SAVES)
def test_a_save_of_nothing_writes_nothing_and_lapses_none(what: str, people: People) -> None:
    record = signed_beside_another(people)
    thread = {"decision": record, "resolved_at": record.created_at, "resolved_by": people.owner}
    Thread.objects.create(**thread)
    before = factories.all_rows()
    SAVES[what](record, people)
    assert factories.all_rows() == before
    assert counting(record) == 4
