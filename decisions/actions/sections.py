"""Writing the parts of a record."""

from typing import Any

from django.db.models import F

from decisions import clock
from decisions.actions.base import change
from decisions.blockers import section_problems
from decisions.models import Decision, Section, SectionState, User
from decisions.policies import wrong_state


class Conflict(Exception):
    """Someone saved the same row since the form was made; carries theirs and mine.

    `row` is the row as it stands now, `mine` the answers that were not saved.
    """

    def __init__(self, row: Any, mine: dict[str, Any]) -> None:
        super().__init__("saved by someone else meanwhile")
        self.row = row
        self.mine = mine


def save_section(
    section: Section, *, by: User, data: dict[str, Any], token: int, complete: bool = False
) -> None:
    """Save a section's answers, made from the version with this `token`.

    Raises `Conflict` if another save came between; a save that changes nothing writes nothing.
    """
    with change(section.decision, "edit_section", by=by, subject=section) as entry:
        fresh = Section.objects.select_related("decision").get(pk=section.pk)
        answers = {name: value for name, value in data.items() if value not in (None, "", [])}
        state = _state(fresh, answers, complete)
        if answers == fresh.data and state == fresh.state:
            entry.void()
            return
        if fresh.token != token:
            raise Conflict(fresh, data)
        written = _authored(by, data=answers) if answers != fresh.data else {}
        if complete:
            _refuse_incomplete(fresh, answers)
        _write(fresh, state=state, **written)
        _follow(entry.decision, fresh, answers)
        entry.data = {"section": section.kind, "state": state}


def mark_section(section: Section, *, by: User, complete: bool) -> None:
    """Mark a part complete, or take the mark away; raises `Refused` while something is missing.

    Whoever marks a part has written nothing in it: its author stays who they were.
    """
    with change(
        section.decision, "edit_section", by=by, subject=section, kind="mark_section"
    ) as entry:
        fresh = Section.objects.select_related("decision").get(pk=section.pk)
        state = SectionState.COMPLETE if complete else SectionState.IN_PROGRESS
        if fresh.is_complete == complete:
            entry.void()
            return
        if complete:
            _refuse_incomplete(fresh, fresh.data)
        _write(fresh, state=state)
        entry.data = {"section": section.kind, "state": state}


def _state(section: Section, answers: dict[str, Any], complete: bool) -> str:
    """Return the state that a save leads to."""
    if complete:
        return SectionState.COMPLETE
    return SectionState.IN_PROGRESS if answers or section.token else section.state


def _refuse_incomplete(section: Section, answers: dict[str, Any]) -> None:
    """Raise `Refused` with what is missing from a part that is said to be complete."""
    section.data = answers
    if problems := section_problems(section):
        raise wrong_state(" ".join(problems))


def _authored(by: User, **values: Any) -> dict[str, Any]:
    """Return what is written, with who wrote it and when."""
    return values | {"changed_at": clock.now(), "changed_by": by}


def _write(section: Section, **values: Any) -> None:
    """Write a section's row; its token rises."""
    Section.objects.filter(pk=section.pk).update(**values, token=F("token") + 1)


def _follow(decision: Decision, section: Section, answers: dict[str, Any]) -> None:
    """Keep the record's review date in step with what the recommendation says."""
    if section.kind == "recommendation":
        Decision.objects.filter(pk=decision.pk).update(review_on=answers.get("review_on"))
