"""Records of a chosen size, written by the actions that people use, to measure documents."""

from __future__ import annotations

from hashlib import sha256
from random import Random

from decisions.actions.evidence import Measurement, attach_evidence
from decisions.actions.lifecycle import approve, submit
from decisions.actions.records import invite, open_decision
from decisions.actions.review import send_review
from decisions.actions.rows import add_candidate, add_goal, assess
from decisions.actions.sections import mark_section, save_section
from decisions.actions.signing import sign_off
from decisions.content import current_digest
from decisions.metrics import METRICS
from decisions.models import OWNER, Candidate, Decision, Meaning, Role, Section, User
from decisions.section_kinds import Field, FieldType

GOALS = 4
# Pages of a record whose texts are a line each, by what its evidence and its people take.
BARE_PAGES = 10
# How many passages fill a page: found by making them.
PASSAGES_A_PAGE = 2.2
SAID = (
    "the messages of a night arrive unsorted and wait until somebody has read them which takes "
    "until noon so what is urgent waits longest we measured how often a model names the right team "
    "how long it takes and what it costs when it is wrong an agent looks at each answer first"
)
WORDS = SAID.split()


def record_of(pages: int, seed: int = 7) -> Decision:
    """Return an approved record whose document has about so many pages: texts, tables, evidence."""
    chance = Random(seed)
    owner = _person("owner", "Ana Duarte")
    team = {role: _person(role, f"{role.title()} Lead") for role in Role.values}
    record = open_decision(by=owner, title=f"Which model sorts the messages of {pages} nights?")
    for role, user in team.items():
        invite(record, by=owner, user=user, role=role, is_signatory=True)
    _measure(record, owner, candidates=2 + pages // 50, chance=chance)
    _write(
        record, owner, passages=round(max(0, pages - BARE_PAGES) * PASSAGES_A_PAGE), chance=chance
    )
    submit(_fresh(record), by=owner)
    send_review(_fresh(record), by=team[Role.UX], verdict="comment", body=passage(chance))
    for role, user in team.items():
        digest = current_digest(_fresh(record))
        sign_off(_fresh(record), by=user, role=role, digest=digest, meaning=Meaning.APPROVE)
    approve(_fresh(record), by=owner)
    return _fresh(record)


def passage(chance: Random) -> str:
    """Return half a page of Markdown: heading, paragraphs, list, table, a reference."""
    rows = "\n".join(
        f"| {_words(chance, 3)} | {_words(chance, 6)} | {chance.random():.3f} | {_words(chance, 2)}"
        for _row in range(4)
    )
    items = "\n".join(f"- {_words(chance, 9)}" for _item in range(3))
    first, second = _words(chance, 60).capitalize(), _words(chance, 40).capitalize()
    cited = f"*as measured* in [[E{chance.randint(1, 2 * GOALS)}]]"
    return (
        f"## {_words(chance, 4).capitalize()}\n\n{first}, {cited}.\n\n{second}.\n\n{items}\n\n"
        f"| What | How | Share | By whom\n|---|---|--:|---\n{rows}\n"
    )


def _person(username: str, name: str) -> User:
    told = {"name": name, "email": f"{username}@example.org"}
    return User.objects.get_or_create(username=username, defaults=told)[0]


def _fresh(record: Decision) -> Decision:
    return Decision.objects.get(pk=record.pk)


def _words(chance: Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, k=count))


def _measure(record: Decision, owner: User, candidates: int, chance: Random) -> None:
    """Add goals and candidates, measured on every goal and rated by every role."""
    metrics = list(METRICS.values())[:GOALS]
    for metric in metrics:
        told = {"metric": metric.key, "name": str(metric.name), "unit": metric.unit}
        values = {"direction": metric.better, "target": 80.0, "worst_acceptable": 50.0}
        add_goal(record, by=owner, proposed_by_role=Role.DATA_SCIENCE, weight=2.0, **told, **values)
    for number in range(candidates):
        told = {"summary": _words(chance, 25), "risks": _words(chance, 15)}
        candidate = add_candidate(
            record, by=owner, name=f"Model {number + 1}", approach="prompting", **told
        )
        values_of = [figure(one.key, str(one.name), one.unit, chance) for one in metrics]
        attach_evidence(candidate, by=owner, measurements=values_of)
        _rate(candidate, owner, chance)


def _rate(candidate: Candidate, owner: User, chance: Random) -> None:
    for role in Role.values:
        asked = candidate.decision.criteria_of(role)
        ratings = {one.key: (chance.randint(2, 5), _words(chance, 8)) for one in asked}
        user = candidate.decision.participants.get(role=role).user
        assess(candidate, by=user, role=role, ratings=ratings)


def figure(key: str, name: str, unit: str, chance: Random) -> Measurement:
    """Return a figure of a metric as a run would bring it, by dice."""
    value = chance.uniform(60, 90)
    return Measurement(
        metric=key,
        metric_name=name,
        value=value,
        low=value - 4,
        high=value + 4,
        n=400,
        unit=unit,
        method=f"{_words(chance, 14).capitalize()}.",
        origin="A run on Messages, test split",
        source_digest=sha256(f"{name} {value}".encode()).hexdigest(),
        interval_method="Wilson, 95%",
        conditions={"case_set": "9f2c", "split": "test", "scorer": "exact"},
    )


def _write(record: Decision, owner: User, passages: int, chance: Random) -> None:
    """Answer every question, the long ones with so many passages together; complete all."""
    sections = list(record.sections.all())
    long = [
        (one.pk, field.name)
        for one in sections
        for field in one.definition.fields
        if field.type == FieldType.MARKDOWN and field.name != "question"
    ]
    shares = {
        key: passages // len(long) + (at < passages % len(long)) for at, key in enumerate(long)
    }
    for section in sections:
        by = owner if section.role == OWNER else record.participants.get(role=section.role).user
        if not section.definition.fields:
            mark_section(section, by=by, complete=True)
            continue
        data = {
            one.name: _answer(one, shares.get((section.pk, one.name), 0), chance)
            for one in section.definition.fields
        }
        section = Section.objects.get(pk=section.pk)
        save_section(section, by=by, data=data, token=section.token, complete=True)


def _answer(field: Field, passages: int, chance: Random) -> object:
    """Return a fitting answer to a question: a choice, a line, or so many passages."""
    if field.choices:
        return field.choices[0][0]
    if field.type == FieldType.DATE:
        return "2031-03-01"
    if field.type == FieldType.CANDIDATES:
        return ["B"]
    if passages:
        return "\n\n".join(passage(chance) for _one in range(passages))
    return f"{_words(chance, 9).capitalize()}."
