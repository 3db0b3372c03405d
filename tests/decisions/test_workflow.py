"""The table of moves, as a full product: action × status × person, with the results written out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from decisions import clock
from decisions.actions.delegation import accept_delegation, delegate, end_delegation
from decisions.actions.documents import request_document
from decisions.actions.evidence import add_evidence, attach_evidence, withdraw_evidence
from decisions.actions.lifecycle import (
    approve,
    note_outcome,
    reopen,
    submit,
    supersede,
    withdraw,
)
from decisions.actions.records import edit_details, invite
from decisions.actions.relations import amend, relate
from decisions.actions.review import (
    Remark,
    edit_comment,
    lift_review,
    open_thread,
    resolve,
    send_review,
)
from decisions.actions.rows import (
    accept_goal,
    add_goal,
    assess,
    edit_candidate,
    edit_goal,
    remove_goal,
)
from decisions.actions.sections import save_section
from decisions.actions.weights import apply_weights
from decisions.management.commands import state_diagram
from decisions.models import (
    Candidate,
    Comment,
    Decision,
    Delegation,
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
from decisions.weights import WeightSheet
from decisions.workflow import MOVES
from tests import factories
from tests.factories import People, measurement

# One letter a person: Olivia (owner), Bruno (business), Dana (data science), Devi (DevOps),
# Uma (UX), Steve (stands in for UX’s second signatory; Bruno has asked him too), Xaver (outsider).
# "." they may, "x" no right: 403, "!" wrong state: 409.
# The part is UX's, the accepted goal is DevOps’, thread and comment are business's, the request
# for changes is DevOps’, the ratings are UX’s. The draft is complete; in review all have signed.
EXPECTED = """
                    draft       in_review    approved     withdrawn    superseded
read                ......x     ......x      ......x      ......x      ......x
export              ......x     ......x      ......x      ......x      ......x
edit_details        .xxxxxx     .xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
invite              .xxxxxx     .xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
edit_section        xxxx.xx     xxxx.xx      xxxx!xx      xxxx!xx      xxxx!xx
propose_goal        .....xx     .....xx      !!!!!xx      !!!!!xx      !!!!!xx
edit_goal           ..x.xxx     ..x.xxx      !!x!xxx      !!x!xxx      !!x!xxx
remove_goal         .xxxxxx     .xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
accept_goal         .xxxxxx     .xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
apply_weights       .xxxxxx     .xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
edit_candidate      .x.xxxx     .x.xxxx      !x!xxxx      !x!xxxx      !x!xxxx
assess              xxxx.xx     xxxx.xx      xxxx!xx      xxxx!xx      xxxx!xx
measure             .x.xxxx     .x.xxxx      !x!xxxx      !x!xxxx      !x!xxxx
attach_evidence     .x.xxxx     .x.xxxx      !x!xxxx      !x!xxxx      !x!xxxx
add_evidence        .....xx     .....xx      !!!!!xx      !!!!!xx      !!!!!xx
withdraw_evidence   .x.xxxx     .x.xxxx      !x!xxxx      !x!xxxx      !x!xxxx
comment             ......x     ......x      !!!!!!x      !!!!!!x      !!!!!!x
edit_comment        x.xxxxx     x.xxxxx      x!xxxxx      x!xxxxx      x!xxxxx
resolve             ..xxxxx     ..xxxxx      !!xxxxx      !!xxxxx      !!xxxxx
review              !!!!!!x     ......x      !!!!!!x      !!!!!!x      !!!!!!x
lift                xxx.xxx     xxx.xxx      xxx!xxx      xxx!xxx      xxx!xxx
submit              .xxxxxx     !xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
sign                x!!!!!x     x.....x      x!!!!!x      x!!!!!x      x!!!!!x
delegate            x....xx     x....xx      x!!!!xx      x!!!!xx      x!!!!xx
accept_delegation   xxxxx.x     xxxxx.x      xxxxx!x      xxxxx!x      xxxxx!x
end_delegation      x.xxx.x     x.xxx.x      x.xxx.x      x.xxx.x      x.xxx.x
approve             !xxxxxx     .xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
reopen              !xxxxxx     .xxxxxx      .xxxxxx      .xxxxxx      !xxxxxx
withdraw            .xxxxxx     .xxxxxx      !xxxxxx      !xxxxxx      !xxxxxx
supersede           !xxxxxx     !xxxxxx      .xxxxxx      !xxxxxx      !xxxxxx
amend               !xxxxxx     !xxxxxx      .xxxxxx      !xxxxxx      !xxxxxx
relate              .xxxxxx     .xxxxxx      .xxxxxx      .xxxxxx      .xxxxxx
note_outcome        !xxxxxx     !xxxxxx      .xxxxxx      !xxxxxx      .xxxxxx
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

    team: People
    record: Decision
    section: Section
    goal: Goal
    candidate: Candidate
    evidence: Evidence
    thread: Thread
    review: Review
    offer: Delegation
    delegation: Delegation
    successor: Decision
    newcomer: User
    stand_in: User

    @property
    def comment(self) -> Comment:
        """Return what business said."""
        return self.thread.comments.get()

    @property
    def everyone(self) -> list[User]:
        """Return the seven in the order of the table."""
        team = self.team.everyone
        return [
            *(team[name] for name in team if name != "outsider"),
            self.stand_in,
            team["outsider"],
        ]


def scene(status: str, team: People) -> Scene:
    record = factories.record_in(status, team)
    successor = factories.approved(team, title="Another one")
    stand_in = factories.person("steve")
    absent = factories.person("una")
    record.participants.create(user=absent, role="ux", is_signatory=True)
    lent = {"decision": record, "taker": stand_in}
    thread = Thread.objects.create(decision=record)
    Comment.objects.create(thread=thread, author=team.business, body="Why?")
    asked = {"verdict": Verdict.REQUEST_CHANGES, "digest": record.digest, "round": 1}
    asked |= {"lifted_at": clock.now(), "lifted_by": team.devops}  # approval waits on no one
    return Scene(
        team=team,
        record=record,
        section=factories.section_of(record, "profile_interaction"),
        goal=record.goals.get(metric="latency_p95"),
        candidate=record.candidates.get(letter="A"),
        evidence=record.evidence.get(number=1),
        thread=thread,
        review=Review.objects.create(decision=record, reviewer=team.devops, **asked),
        offer=Delegation.objects.create(giver=team.business, **lent),
        delegation=Delegation.objects.create(giver=absent, accepted_at=clock.now(), **lent),
        successor=successor,
        newcomer=factories.person("nora"),
        stand_in=stand_in,
    )


SUBJECTS: dict[str, Callable[[Scene], Any]] = {
    "edit_section": lambda on: on.section,
    "edit_goal": lambda on: on.goal,
    "remove_goal": lambda on: on.goal,
    "assess": lambda on: "ux",
    "edit_comment": lambda on: on.comment,
    "resolve": lambda on: on.thread,
    "accept_delegation": lambda on: on.offer,
    "end_delegation": lambda on: on.offer,
    "lift": lambda on: on.review,
}


def _sign(on: Scene, by: User) -> None:
    said = {"meaning": "reject", "text": "Not yet."}
    if by == on.stand_in:
        said["signed_for"] = on.delegation.giver
    role = next(iter(sorted(on.record.signing_roles_of(by))), "ux")
    factories.sign(on.record, by, role, **said)


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
    "remove_goal": lambda on, by: remove_goal(on.goal, by=by, token=on.goal.token),
    "accept_goal": lambda on, by: accept_goal(on.goal, by=by, token=on.goal.token),
    "apply_weights": lambda on, by: apply_weights(
        on.record, by=by, weights={"ux": 2.0}, token=WeightSheet(on.record).token
    ),
    "edit_candidate": lambda on, by: edit_candidate(
        on.candidate, by=by, token=on.candidate.token, summary="Otherwise."
    ),
    "assess": lambda on, by: assess(
        on.candidate, by=by, role="ux", ratings={"fit": (1, "It interrupts.")}
    ),
    "attach_evidence": lambda on, by: attach_evidence(
        on.candidate, by=by, measurements=[measurement(value=70.0)]
    ),
    "add_evidence": lambda on, by: add_evidence(
        on.candidate, by=by, kind="estimate", measurements=[measurement(n=0)]
    ),
    "withdraw_evidence": lambda on, by: withdraw_evidence(on.evidence, by=by, reason="Wrong."),
    "comment": lambda on, by: open_thread(on.record, by=by, remark=Remark("Why?")),
    "edit_comment": lambda on, by: edit_comment(on.comment, by=by, body="Why not?"),
    "resolve": lambda on, by: resolve(on.thread, by=by),
    "review": lambda on, by: send_review(on.record, by=by, verdict="comment", body="Fine."),
    "lift": lambda on, by: lift_review(on.review, by=by),
    "submit": lambda on, by: submit(on.record, by=by),
    "sign": _sign,
    "delegate": lambda on, by: delegate(on.record, by=by, taker=on.newcomer),
    "accept_delegation": lambda on, by: accept_delegation(on.offer, by=by),
    "end_delegation": lambda on, by: end_delegation(on.offer, by=by),
    "approve": lambda on, by: approve(on.record, by=by),
    "reopen": lambda on, by: reopen(on.record, by=by, reason="New facts."),
    "withdraw": lambda on, by: withdraw(on.record, by=by, reason="Given up."),
    "supersede": lambda on, by: supersede(on.record, by=by, successor=on.successor),
    "amend": lambda on, by: amend(on.record, by=by, amendment=on.successor),
    "relate": lambda on, by: relate(on.record, by=by, other=on.successor),
    "note_outcome": lambda on, by: note_outcome(
        on.record, by=by, success="yes", text="It held.", review_on=None
    ),
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
        for row in (on.record, on.goal, on.candidate, on.offer, on.delegation):
            row.refresh_from_db()
    return "."


@pytest.mark.parametrize("status", Status.values)
def test_each_action_is_answered_as_the_table_says(status: str, people: People) -> None:
    on = scene(status, people)
    answers = {action: "".join(answer(on, action, by) for by in on.everyone) for action in MOVES}
    assert answers == expected_in(status)


@pytest.mark.parametrize("status", Status.values)
def test_each_action_really_does_what_the_table_says(status: str, people: People) -> None:
    on = scene(status, people)
    untouched = factories.all_rows()
    outcomes = {
        action: "".join(attempt(on, action, by, untouched) for by in on.everyone)
        for action in ATTEMPTS
    }
    expected = expected_in(status)
    assert outcomes == {action: expected[action] for action in ATTEMPTS}


def test_the_written_table_knows_every_action_and_status() -> None:
    assert all(set(expected_in(status)) == set(MOVES) for status in Status)
    assert set(ATTEMPTS) == set(MOVES) - {"read", "measure"}
    cells = [cell for status in Status for row in expected_in(status).values() for cell in row]
    assert len(cells) == 33 * 5 * 7


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
    text = state_diagram.DOCUMENT.read()
    assert state_diagram.DOCUMENT.updated(text) == text, "run: manage.py state_diagram --write"


def test_the_diagram_is_printed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("state_diagram")
    printed = capsys.readouterr().out
    assert "in_review --> approved: approve (owner)" in printed
    assert "| submit | draft | in review | the owner | unfinished, unsignable |" in printed


def test_a_page_without_the_markers_is_not_overwritten() -> None:
    with pytest.raises(CommandError, match="lacks the markers"):
        state_diagram.DOCUMENT.updated("# Nothing here")
