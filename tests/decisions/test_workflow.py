"""The table of moves, as a full product: action × status × person, with the results written out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from decisions.actions.documents import request_document
from decisions.actions.evidence import attach_evidence, withdraw_evidence
from decisions.actions.lifecycle import approve, reopen, submit, supersede, withdraw
from decisions.actions.records import edit_details, invite
from decisions.actions.review import Remark, lift_review, open_thread, resolve, send_review
from decisions.actions.rows import add_goal, assess, edit_candidate, edit_goal
from decisions.actions.sections import save_section
from decisions.management.commands import state_diagram
from decisions.models import (
    Candidate,
    Comment,
    Decision,
    Evidence,
    Goal,
    Review,
    Section,
    Status,
    Thread,
    User,
    Verdict,
)
from decisions.policies import Refused, refusal
from decisions.workflow import MOVES
from tests import factories
from tests.factories import People, measurement

# One letter a person: Olivia (owner), Bruno (business), Dana (data science), Devi (DevOps),
# Uma (UX), Xaver (outsider). "." they may, "x" no right: 403, "!" wrong state: 409.
# The part is UX's, the goal was proposed by DevOps, the thread was opened by business, the request
# for changes is DevOps’, the ratings are UX’s. The draft is complete; in review all have signed.
EXPECTED = """
                    draft    in_review  approved  withdrawn  superseded
read                .....x   .....x     .....x    .....x     .....x
export              .....x   .....x     .....x    .....x     .....x
edit_details        .xxxxx   .xxxxx     !xxxxx    !xxxxx     !xxxxx
invite              .xxxxx   .xxxxx     !xxxxx    !xxxxx     !xxxxx
edit_section        xxxx.x   xxxx.x     xxxx!x    xxxx!x     xxxx!x
propose_goal        .....x   .....x     !!!!!x    !!!!!x     !!!!!x
edit_goal           ..x.xx   ..x.xx     !!x!xx    !!x!xx     !!x!xx
edit_candidate      .x.xxx   .x.xxx     !x!xxx    !x!xxx     !x!xxx
assess              xxxx.x   xxxx.x     xxxx!x    xxxx!x     xxxx!x
measure             .x.xxx   .x.xxx     !x!xxx    !x!xxx     !x!xxx
attach_evidence     .x.xxx   .x.xxx     !x!xxx    !x!xxx     !x!xxx
withdraw_evidence   .x.xxx   .x.xxx     !x!xxx    !x!xxx     !x!xxx
comment             .....x   .....x     !!!!!x    !!!!!x     !!!!!x
resolve             ..xxxx   ..xxxx     !!xxxx    !!xxxx     !!xxxx
review              !!!!!x   .....x     !!!!!x    !!!!!x     !!!!!x
lift                xxx.xx   xxx.xx     xxx!xx    xxx!xx     xxx!xx
submit              .xxxxx   !xxxxx     !xxxxx    !xxxxx     !xxxxx
sign                x!!!!x   x....x     x!!!!x    x!!!!x     x!!!!x
approve             !xxxxx   .xxxxx     !xxxxx    !xxxxx     !xxxxx
reopen              !xxxxx   .xxxxx     .xxxxx    .xxxxx     !xxxxx
withdraw            .xxxxx   .xxxxx     !xxxxx    !xxxxx     !xxxxx
supersede           !xxxxx   !xxxxx     .xxxxx    !xxxxx     !xxxxx
"""
LETTERS = {403: "x", 409: "!"}

# Where each move that changes the status leads to.
LEADS_TO = {
    "submit": "in_review",
    "approve": "approved",
    "reopen": "draft",
    "withdraw": "withdrawn",
    "supersede": "superseded",
}


def expected_in(status: str) -> dict[str, str]:
    """Return action → one letter a person, as written in the table above."""
    head, *lines = [line.split() for line in EXPECTED.strip().splitlines()]
    return {action: cells[head.index(status)] for action, *cells in lines}


@dataclass(frozen=True)
class Scene:
    """A record in some status, with one of each thing that an action can be about."""

    record: Decision
    section: Section
    goal: Goal
    candidate: Candidate
    evidence: Evidence
    thread: Thread
    review: Review
    successor: Decision
    newcomer: User


def scene(status: str, team: People) -> Scene:
    record = factories.record_in(status, team)
    thread = Thread.objects.create(decision=record)
    Comment.objects.create(thread=thread, author=team.business, body="Why?")
    asked = {"verdict": Verdict.REQUEST_CHANGES, "digest": record.digest, "round": 0}
    return Scene(
        record=record,
        section=factories.section_of(record, "profile_interaction"),
        goal=record.goals.get(metric="latency_p95"),
        candidate=record.candidates.get(letter="A"),
        evidence=record.evidence.get(number=1),
        thread=thread,
        review=Review.objects.create(decision=record, reviewer=team.devops, **asked),
        successor=factories.approved(team, title="Another one"),
        newcomer=factories.person("nora"),
    )


SUBJECTS: dict[str, Callable[[Scene], Any]] = {
    "edit_section": lambda on: on.section,
    "edit_goal": lambda on: on.goal,
    "assess": lambda on: "ux",
    "resolve": lambda on: on.thread,
    "lift": lambda on: on.review,
}


def _sign(on: Scene, by: User) -> None:
    role = next(iter(sorted(on.record.signing_roles_of(by))), "ux")
    factories.sign(on.record, by, role, meaning="reject", text="Not yet.")


def _save(on: Scene, by: User) -> None:
    data = on.section.data | {"tone": "Warm"}
    save_section(on.section, by=by, data=data, token=on.section.token)


# What each line of the table does for real ("read" and "measure" are not actions of the record).
ATTEMPTS: dict[str, Callable[[Scene, User], object]] = {
    "export": lambda on, by: request_document(on.record, by=by),
    "edit_details": lambda on, by: edit_details(on.record, by=by, title="A new title"),
    "invite": lambda on, by: invite(on.record, by=by, user=on.newcomer, role="ux"),
    "edit_section": _save,
    "propose_goal": lambda on, by: add_goal(
        on.record, by=by, metric="throughput", name="Load", direction="at_least", target=9.0
    ),
    "edit_goal": lambda on, by: edit_goal(on.goal, by=by, token=on.goal.token, target=9.0),
    "edit_candidate": lambda on, by: edit_candidate(
        on.candidate, by=by, token=on.candidate.token, summary="Otherwise."
    ),
    "assess": lambda on, by: assess(
        on.candidate, by=by, role="ux", ratings={"fit": (1, "It interrupts.")}
    ),
    "attach_evidence": lambda on, by: attach_evidence(
        on.candidate, by=by, measurements=[measurement(value=70.0)]
    ),
    "withdraw_evidence": lambda on, by: withdraw_evidence(on.evidence, by=by, reason="Wrong."),
    "comment": lambda on, by: open_thread(on.record, by=by, remark=Remark("Why?")),
    "resolve": lambda on, by: resolve(on.thread, by=by),
    "review": lambda on, by: send_review(on.record, by=by, verdict="comment", body="Fine."),
    "lift": lambda on, by: lift_review(on.review, by=by),
    "submit": lambda on, by: submit(on.record, by=by),
    "sign": _sign,
    "approve": lambda on, by: approve(on.record, by=by),
    "reopen": lambda on, by: reopen(on.record, by=by, reason="New facts."),
    "withdraw": lambda on, by: withdraw(on.record, by=by, reason="Given up."),
    "supersede": lambda on, by: supersede(on.record, by=by, successor=on.successor),
}


def answer(on: Scene, action: str, by: User) -> str:
    """Return the letter for what `refusal` says."""
    refused = refusal(action, on.record, by, SUBJECTS.get(action, lambda on: None)(on))
    return LETTERS[refused.status] if refused else "."


def attempt(on: Scene, action: str, by: User, untouched: dict[str, Any]) -> str:
    """Return the letter for what really happens; whatever happens is undone."""
    savepoint = transaction.savepoint()
    try:
        ATTEMPTS[action](on, by)
    except Refused as refused:
        assert factories.all_rows() == untouched, f"{action} was refused, but wrote something"
        return LETTERS[refused.refusal.status]
    finally:
        transaction.savepoint_rollback(savepoint)
        for row in (on.record, on.goal, on.candidate):
            row.refresh_from_db()
    return "."


@pytest.mark.parametrize("status", Status.values)
def test_each_action_is_answered_as_the_table_says(status: str, people: People) -> None:
    on = scene(status, people)
    answers = {
        action: "".join(answer(on, action, by) for by in people.everyone.values())
        for action in MOVES
    }
    assert answers == expected_in(status)


@pytest.mark.parametrize("status", Status.values)
def test_each_action_really_does_what_the_table_says(status: str, people: People) -> None:
    on = scene(status, people)
    untouched = factories.all_rows()
    outcomes = {
        action: "".join(attempt(on, action, by, untouched) for by in people.everyone.values())
        for action in ATTEMPTS
    }
    expected = expected_in(status)
    assert outcomes == {action: expected[action] for action in ATTEMPTS}


def test_the_written_table_knows_every_action_and_status() -> None:
    assert all(set(expected_in(status)) == set(MOVES) for status in Status)
    assert set(ATTEMPTS) == set(MOVES) - {"read", "measure"}
    cells = [cell for status in Status for row in expected_in(status).values() for cell in row]
    assert len(cells) == 22 * 5 * 6


def test_only_five_moves_change_the_status_and_each_leads_to_one() -> None:
    assert {a: str(move.target) for a, move in MOVES.items() if move.target} == LEADS_TO


@pytest.mark.parametrize(
    ("action", "source"),
    [
        ("submit", "draft"),
        ("approve", "in_review"),
        ("reopen", "in_review"),
        ("reopen", "approved"),
        ("reopen", "withdrawn"),
        ("withdraw", "draft"),
        ("withdraw", "in_review"),
        ("supersede", "approved"),
    ],
)
def test_a_move_takes_the_record_where_the_table_says(
    action: str, source: str, people: People
) -> None:
    on = scene(source, people)
    ATTEMPTS[action](on, people.owner)
    assert factories.fresh(on.record).status == LEADS_TO[action]
    assert on.record.status == LEADS_TO[action], "the caller's record was not brought up to date"


def test_the_architecture_page_shows_the_table_as_it_is() -> None:
    text = state_diagram.DOCUMENT.read_text(encoding="utf-8")
    assert state_diagram.updated(text) == text, "run: manage.py state_diagram --write"


def test_the_diagram_is_printed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("state_diagram")
    printed = capsys.readouterr().out
    assert "in_review --> approved: approve (owner)" in printed
    assert "| submit | draft | in review | the owner | unfinished, unsignable |" in printed


def test_a_page_without_the_markers_is_not_overwritten() -> None:
    with pytest.raises(state_diagram.CommandError, match="lacks the markers"):
        state_diagram.updated("# Nothing here")
