"""Telling a decision's story through the same actions that people use."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db import transaction
from django.utils import timezone

from decisions import clock
from decisions.actions import lifecycle, records, rows, sections, signing
from decisions.content import current_digest
from decisions.demo import PASSWORD, PEOPLE
from decisions.models import OWNER, Decision, Meaning, Role, Section, User
from evaluations.models import CaseSet

FIGURE = re.compile(r"\{([A-Z])\.(\w+)\}")


def cast() -> dict[str, User]:
    """Return the sample people by username, made where they are missing."""
    return {person.username: _person(person) for person in PEOPLE}


def _person(person: Any) -> User:
    user, is_new = User.objects.get_or_create(
        username=person.username,
        defaults={
            "name": person.name,
            "email": person.email,
            "time_zone": person.time_zone,
            "is_staff": person.is_staff,
        },
    )
    if is_new:
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
    return user


@dataclass(frozen=True)
class Plan:
    """One sample decision, as data; `days_ago` is when it was opened.

    `parts` maps a section's kind to its answers, in the order they are written; `ratings` maps
    (letter, role) to criterion → (rating, reason). In any text `{A.accuracy}` becomes a reference
    to the evidence that was attached for that candidate and metric.
    """

    title: str
    owner: str
    days_ago: int
    due_in: int | None = None
    tags: tuple[str, ...] = ()
    visibility: str = "participants"
    people: tuple[tuple[str, Role], ...] = ()
    goals: tuple[dict[str, Any], ...] = ()
    candidates: tuple[dict[str, Any], ...] = ()
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ratings: Mapping[tuple[str, Role], Mapping[str, tuple[int, str]]] = field(default_factory=dict)
    readings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    case_set: str = ""
    # On which day the parts, goals, candidates, ratings and readings are written.
    days: tuple[float, float, float, float, float] = (1, 3, 4, 6, 8)


class Story:
    """Tells one plan: open, fill in, measure (by the workers), read, and what follows."""

    def __init__(self, plan: Plan, people: Mapping[str, User]) -> None:
        self.plan = plan
        self.people = people

    @cached_property
    def owner(self) -> User:
        """Return who drives the record."""
        return self.people[self.plan.owner]

    @property
    def record(self) -> Decision | None:
        """Return the record, if its story has begun."""
        return Decision.objects.filter(title=self.plan.title, owner=self.owner).first()

    @property
    def status(self) -> str:
        """Return where the record stands."""
        return self.require().status

    @contextmanager
    def days_later(self, days: float) -> Iterator[None]:
        """Let what happens inside have happened so many days after the opening, never later."""
        start = timezone.now() - timedelta(days=self.plan.days_ago)
        morning = datetime.combine(start.date(), time(9, 10), tzinfo=start.tzinfo)
        with clock.held_at(min(morning + timedelta(days=days), timezone.now())):
            yield

    @transaction.atomic
    def begin(self) -> None:
        """Open the record and fill in everything that comes before the measurements."""
        parts, goals, candidates, ratings, _ = self.plan.days
        with self.days_later(0):
            record = self._open()
        self._write_all(record, self.plan.parts, parts)
        with self.days_later(goals):
            self._goals(record)
        with self.days_later(candidates):
            self._candidates(record)
        with self.days_later(ratings):
            self._rate(record)

    @transaction.atomic
    def read(self) -> None:
        """Write the parts that speak of the measurements."""
        self._write_all(self.require(), self.plan.readings, self.plan.days[-1])

    def submit(self, day: float) -> None:
        """Put the record before the team."""
        with self.days_later(day):
            lifecycle.submit(self.require(), by=self.owner)

    def sign(self, day: float, role: Role, text: str = "") -> None:
        """Sign for a role, with a reservation if there are words."""
        meaning = Meaning.APPROVE_WITH_RESERVATION if text else Meaning.APPROVE
        record = self.require()
        with self.days_later(day):
            signing.sign_off(
                record,
                by=self._writer(role),
                role=role,
                digest=current_digest(record),
                meaning=meaning,
                text=text,
            )

    def approve(self, day: float) -> None:
        """Close the record."""
        with self.days_later(day):
            lifecycle.approve(self.require(), by=self.owner)

    def section(self, kind: str) -> Section:
        """Return one part of the record."""
        return self.require().sections.get(kind=kind)

    def require(self) -> Decision:
        """Return the record, or raise LookupError before the story has begun."""
        record = self.record
        if record is None:
            raise LookupError(f"The story “{self.plan.title}” has not begun.")
        return record

    def _open(self) -> Decision:
        due = clock.today() + timedelta(days=self.plan.days_ago + (self.plan.due_in or 0))
        record = records.open_decision(
            by=self.owner,
            title=self.plan.title,
            due_on=due if self.plan.due_in is not None else None,
            visibility=self.plan.visibility,
            tags=list(self.plan.tags),
        )
        for username, role in self.plan.people:
            records.invite(
                record, by=self.owner, user=self.people[username], role=role, is_signatory=True
            )
        return record

    def _writer(self, role: str) -> User:
        """Return who writes for a role on this record."""
        if role == OWNER:
            return self.owner
        return next(self.people[name] for name, held in self.plan.people if held == role)

    def _write(self, record: Decision, kind: str, answers: Mapping[str, Any]) -> None:
        """Write a part; `_unfinished` in the answers leaves it in progress."""
        section = record.sections.get(kind=kind)
        data = {name: value for name, value in answers.items() if name != "_unfinished"}
        sections.save_section(
            section,
            by=self._writer(section.role),
            data=data,
            token=section.token,
            complete="_unfinished" not in answers,
        )

    def _write_all(
        self, record: Decision, parts: Mapping[str, Mapping[str, Any]], day: float
    ) -> None:
        """Write parts one after the other, three quarters of an hour apart."""
        for place, (kind, answers) in enumerate(parts.items()):
            with self.days_later(day + place / 32):
                self._write(record, kind, self._with_evidence(record, answers))

    def _candidates(self, record: Decision) -> None:
        for candidate in self.plan.candidates:
            rows.add_candidate(record, by=self._writer(Role.DATA_SCIENCE), **candidate)
        self._complete(record, "candidates")

    def _goals(self, record: Decision) -> None:
        for goal in self.plan.goals:
            by = self._writer(goal["proposed_by_role"] or OWNER)
            added = rows.add_goal(record, by=by, **goal)
            rows.accept_goal(added, by=self.owner, token=added.token)
        if self.plan.goals:
            self._complete(record, "goals")

    def _rate(self, record: Decision) -> None:
        candidates = {one.letter: one for one in record.candidates.all()}
        for (letter, role), ratings in self.plan.ratings.items():
            by = self._writer(role)
            rows.assess(candidates[letter], by=by, role=role, ratings=ratings)
        for role in _fully_rated(self.plan.ratings, candidates):
            self._complete(record, f"assessment_{role}")

    def _complete(self, record: Decision, kind: str) -> None:
        section = record.sections.get(kind=kind)
        sections.mark_section(section, by=self._writer(section.role), complete=True)

    def _with_evidence(self, record: Decision, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Put the evidence's names in the place of `{A.accuracy}`."""
        known = {
            (one.candidate.letter, one.metric): f"[[{one.reference}]]"
            for one in record.evidence.standing()
            .filter(compared_with=None)
            .select_related("candidate")
        }
        return {name: _filled(value, known) for name, value in answers.items()}


def _filled(value: Any, known: Mapping[tuple[str, str], str]) -> Any:
    """Return an answer with its references filled in, and "+30" as the day in thirty days."""
    if not isinstance(value, str):
        return value
    if value.startswith("+"):
        return (clock.today() + timedelta(days=int(value))).isoformat()
    return FIGURE.sub(lambda match: known[match[1], match[2]], value)


def _fully_rated(
    ratings: Mapping[tuple[str, Role], Any], candidates: Iterable[str]
) -> Iterator[Role]:
    """Yield the roles that have rated every candidate."""
    letters = set(candidates)
    for role in Role:
        if letters and letters == {letter for letter, by in ratings if by == role}:
            yield role


def case_set(name: str) -> CaseSet:
    """Return the newest version of a case set by its slug."""
    found: CaseSet = CaseSet.objects.filter(slug=name).latest("version")
    return found
