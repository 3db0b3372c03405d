"""People and records for tests: every record is walked to its status through the real actions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from hashlib import sha256
from typing import Any

from django.apps import apps
from django.contrib.auth.hashers import make_password

from decisions.actions.evidence import Measurement, attach_evidence
from decisions.actions.lifecycle import approve, submit, supersede, withdraw
from decisions.actions.records import invite, open_decision
from decisions.actions.rows import add_candidate, add_goal, assess
from decisions.actions.sections import mark_section, save_section
from decisions.actions.signing import sign_off
from decisions.content import current_digest
from decisions.models import (
    Candidate,
    Decision,
    Evidence,
    Goal,
    Meaning,
    Role,
    Section,
    SignOff,
    Status,
    User,
)
from decisions.section_kinds import Field, FieldType
from tests.walks import named_rows_of, taken_once

PASSWORD = "quiet-harbour-lantern"
REVIEW_ON = date(2031, 3, 1)


@cache
def _hashed() -> str:
    """Return the password's hash, made once: hashing is slow on purpose."""
    return make_password(PASSWORD)


def person(username: str, name: str = "", **fields: Any) -> User:
    """Make a person who signs in with `PASSWORD`."""
    return User.objects.create(
        username=username,
        name=name or username.replace("_", " ").title(),
        email=fields.pop("email", f"{username}@example.org"),
        password=_hashed(),
        **fields,
    )


@dataclass(frozen=True)
class People:
    """The standing people of every test: their first letter says who they are."""

    owner: User
    business: User
    data_science: User
    devops: User
    ux: User
    outsider: User

    @property
    def signatories(self) -> dict[str, User]:
        """Return role → the person who signs for it."""
        return {role: getattr(self, role) for role in Role.values}

    @property
    def everyone(self) -> dict[str, User]:
        """Return all six by what they are."""
        return {"owner": self.owner, **self.signatories, "outsider": self.outsider}


@taken_once
def people() -> People:
    """Make the owner, one person per role, and an outsider."""
    return People(
        owner=person("olivia", "Olivia Brandt"),
        business=person("bruno", "Bruno Costa", time_zone="America/Sao_Paulo"),
        data_science=person("dana", "Dana Scholz", time_zone="Europe/Berlin"),
        devops=person("devi", "Devi Menon", time_zone="Asia/Kolkata"),
        ux=person("uma", "Uma Lindqvist", time_zone="Europe/Stockholm"),
        outsider=person("xaver", "Xaver Outis"),
    )


def second_person(record: Decision, role: str, *, is_signatory: bool = False) -> User:
    """Add a second person to a role of a record."""
    user = person(f"second_{role}_{record.pk}")
    invite(record, by=record.owner, user=user, role=role, is_signatory=is_signatory)
    return user


@taken_once
def open_record(team: People, title: str = "Where should messages go?", **fields: Any) -> Decision:
    """Open a record owned by Olivia, with a signatory for every role and every part empty."""
    record = open_decision(by=team.owner, title=title, **fields)
    for role, user in team.signatories.items():
        invite(record, by=team.owner, user=user, role=role, is_signatory=True)
    return record


GOALS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        Role.DATA_SCIENCE,
        {
            "metric": "accuracy",
            "name": "Accuracy",
            "direction": "at_least",
            "target": 85.0,
            "worst_acceptable": 75.0,
            "unit": "%",
            "weight": 3.0,
            "is_must": True,
        },
    ),
    (
        Role.DEVOPS,
        {
            "metric": "latency_p95",
            "name": "Latency, 95th percentile",
            "direction": "at_most",
            "target": 300.0,
            "worst_acceptable": 800.0,
            "unit": "ms",
        },
    ),
)

CANDIDATES: tuple[dict[str, Any], ...] = (
    {
        "name": "A better prompt",
        "approach": "prompting",
        "summary": "Instructions and three examples.",
        "data_needed": "None.",
        "risks": "Rare teams are never named.",
        "spec": {"technique": "prompting", "parameters": {"examples": 3}},
    },
    {
        "name": "A tuned head",
        "approach": "fine_tuning",
        "summary": "A linear head on sentence embeddings.",
        "data_needed": "Thirty labelled messages a team.",
        "risks": "Forgets a team that is renamed.",
        "spec": {"technique": "fine_tuning", "parameters": {"epochs": 20, "rate": 0.5}},
    },
)


def answer_to(field: Field, letter: str = "B") -> Any:
    """Return a fitting answer to a field of a section."""
    answers: dict[FieldType, Any] = {
        FieldType.MARKDOWN: f"About {str(field.label).lower()}: it is **known**.",
        FieldType.LINE: f"{field.label}, in one line",
        FieldType.DATE: REVIEW_ON.isoformat(),
        FieldType.CANDIDATES: [letter],
    }
    return field.choices[0][0] if field.choices else answers[field.type]


def answers_to(section: Section) -> dict[str, Any]:
    """Return fitting answers to every field of a section."""
    return {field.name: answer_to(field) for field in section.definition.fields}


def writer_of(section: Section, team: People) -> User:
    """Return the person who writes a section."""
    return team.owner if section.role == "owner" else team.signatories[section.role]


def section_of(record: Decision, kind: str) -> Section:
    """Return a record's section as it stands in the database."""
    return Section.objects.select_related("decision").get(decision=record, kind=kind)


def edit(record: Decision, kind: str, team: People, **answers: Any) -> Section:
    """Save a section as its writer with some answers changed, keeping its mark; return it."""
    section = section_of(record, kind)
    save_section(
        section,
        by=writer_of(section, team),
        data=section.data | answers,
        token=section.token,
        complete=section.is_complete,
    )
    return section_of(record, kind)


def add_goals(record: Decision, team: People) -> list[Goal]:
    """Have the owner write down a quality goal of data science and a latency goal of DevOps."""
    return [
        add_goal(record, by=team.owner, proposed_by_role=role, **values) for role, values in GOALS
    ]


def add_candidates(record: Decision, team: People) -> list[Candidate]:
    """Have data science write the two candidates."""
    return [add_candidate(record, by=team.data_science, **values) for values in CANDIDATES]


def rate(candidate: Candidate, team: People) -> None:
    """Have every role rate a candidate on all of its criteria."""
    for role, user in team.signatories.items():
        asked = candidate.decision.criteria_of(role)
        ratings = {one.key: (4, f"{one.name} looks fine.") for one in asked}
        assess(candidate, by=user, role=role, ratings=ratings)


def measurement(metric: str = "accuracy", value: float = 86.5, **fields: Any) -> Measurement:
    """Return a measured value with its interval, sample size and origin."""
    percent = metric == "accuracy"
    known = Measurement(
        metric=metric,
        metric_name="Accuracy" if percent else "Latency, 95th percentile",
        value=value,
        n=200,
        method="200 of 200 messages answered and compared with the label.",
        origin="Run 1 on Messages, test split",
        source_digest=sha256(f"{metric} {value}".encode()).hexdigest(),
        unit="%" if percent else "ms",
        low=value - 5,
        high=value + 5,
        interval_method="Wilson, 95%",
        origin_url="/runs/1/",
        conditions={"case_set": "9f2c", "split": "test", "scorer": "exact"},
    )
    return replace(known, **fields)


def measure(candidate: Candidate, team: People, accuracy: float = 86.5) -> list[Evidence]:
    """Attach an accuracy and a latency to a candidate, as its run would."""
    values = [measurement("accuracy", accuracy), measurement("latency_p95", 41.25)]
    return attach_evidence(candidate, by=team.data_science, measurements=values)


def fill_in(record: Decision, team: People) -> None:
    """Complete every part: goals, candidates, ratings, evidence, answers, and the marks."""
    add_goals(record, team)
    for number, candidate in enumerate(add_candidates(record, team)):
        rate(candidate, team)
        measure(candidate, team, accuracy=81.0 + 8 * number)
    for section in record.sections.all():
        complete_section(section, team)


def complete_section(section: Section, team: People) -> None:
    """Answer a section and mark it complete, as its writer."""
    by = writer_of(section, team)
    if section.definition.fields:
        save_section(section, by=by, data=answers_to(section), token=section.token, complete=True)
    else:
        mark_section(section, by=by, complete=True)


def sign(record: Decision, user: User, role: str, **fields: Any) -> SignOff:
    """Sign what the record says now, for a role."""
    fields = {"digest": current_digest(fresh(record)), "meaning": Meaning.APPROVE, **fields}
    return sign_off(record, by=user, role=role, **fields)


def sign_all(record: Decision, team: People) -> list[SignOff]:
    """Have every role sign what the record says now."""
    return [sign(record, user, role) for role, user in team.signatories.items()]


@taken_once
def complete_draft(team: People, **fields: Any) -> Decision:
    """Return a draft whose every part is complete: ready to be submitted."""
    record = open_record(team, **fields)
    fill_in(record, team)
    return fresh(record)


@taken_once
def in_review(team: People, **fields: Any) -> Decision:
    """Return a complete record in review that no one has signed yet."""
    record = complete_draft(team, **fields)
    submit(record, by=team.owner)
    return fresh(record)


@taken_once
def signed(team: People, **fields: Any) -> Decision:
    """Return a record in review that every role has signed: ready to be approved."""
    record = in_review(team, **fields)
    sign_all(record, team)
    return fresh(record)


@taken_once
def approved(team: People, **fields: Any) -> Decision:
    """Return an approved record."""
    record = signed(team, **fields)
    approve(record, by=team.owner)
    return fresh(record)


@taken_once
def withdrawn(team: People, **fields: Any) -> Decision:
    """Return a record that was given up in review."""
    record = in_review(team, **fields)
    withdraw(record, by=team.owner, reason="The product was cancelled.")
    return fresh(record)


@taken_once
def superseded(team: People, **fields: Any) -> Decision:
    """Return an approved record in whose place another has been put."""
    record = approved(team, **fields)
    supersede(record, by=team.owner, successor=approved(team, title="Its successor"))
    return fresh(record)


WALKS = {
    Status.DRAFT: complete_draft,
    Status.IN_REVIEW: signed,
    Status.APPROVED: approved,
    Status.WITHDRAWN: withdrawn,
    Status.SUPERSEDED: superseded,
}


def record_in(status: str, team: People, **fields: Any) -> Decision:
    """Walk a record to a status: a draft is complete, one in review is signed by every role."""
    return WALKS[Status(status)](team, **fields)


def fresh(record: Decision) -> Decision:
    """Return the record as it stands in the database, with nothing remembered."""
    return Decision.objects.get(pk=record.pk)


def all_rows() -> dict[str, list[dict[str, Any]]]:
    """Return every row of the record's tables, to see whether anything at all was written.

    The values are the database's own: JSON is text, and on SQLite so are times.
    """
    tables = apps.get_app_config("decisions").get_models()
    return {table.__name__: named_rows_of(table._meta.db_table) for table in tables}


def kinds_of_events(record: Decision) -> list[str]:
    """Return the kinds of a record's events, in their order."""
    return list(record.events.order_by("sequence").values_list("kind", flat=True))


def holds(signature: SignOff) -> bool:
    """Return whether a signature covers what its record says now, computed from the rows."""
    return signature.digest == current_digest(fresh(signature.decision))
