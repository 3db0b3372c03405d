"""What a record's texts may refer to by name, and which of their references no longer hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from decisions.bare_numbers import BareNumber, bare_numbers
from decisions.freshness import answers
from decisions.known_numbers import Known, KnownNumbers
from decisions.markdown import EVIDENCE_NAME, figure_in_words, goal_in_words, references
from decisions.models import Decision, Evidence, Goal, Section
from decisions.section_kinds import RECOMMENDATION, RESULTS, Field, FieldType, Rows

Named = Mapping[str, Evidence | Goal]


def named_in(record: Decision) -> dict[str, Evidence | Goal]:
    """Return what texts may refer to: evidence as "E3", goals by their metric in small letters.

    Reads the prefetched rows; each knows its record.
    """
    rows: list[Evidence | Goal] = [*record.accepted_goals, *record.evidence.all()]
    for one in rows:
        one.decision = record
    return {_name_of(one): one for one in rows}


def evidence_by(named: Named, moment: datetime | None = None) -> dict[str, Evidence]:
    """Return the evidence that somebody could speak of at a moment, by name; now without one."""
    return {
        name: one
        for name, one in named.items()
        if isinstance(one, Evidence) and (moment is None or one.attached_at <= moment)
    }


def _name_of(row: Evidence | Goal) -> str:
    return row.reference if isinstance(row, Evidence) else row.metric.lower()


@dataclass(frozen=True)
class Offer:
    """What a text can refer to: its name between the brackets, and what it stands for."""

    name: str
    words: str
    is_evidence: bool


def offers(named: Named) -> list[Offer]:
    """Return what may be referred to now: the goals, then the evidence that holds, by number."""
    rows = named.values()
    holding = [one for one in rows if isinstance(one, Evidence) and _holds(one)]
    goals = [one for one in rows if isinstance(one, Goal)]
    return [
        *(Offer(one.metric, _wanted(one), False) for one in goals),
        *(Offer(one.reference, _measured(one), True) for one in holding),
    ]


def _measured(evidence: Evidence) -> str:
    """Return what was measured of which candidates, and what came out."""
    one, other = evidence.candidate, evidence.compared_with
    who = f"{one.letter} – {other.letter}" if other else str(one)
    return f"{who}, {evidence.metric_name}: {figure_in_words(evidence)}"


def _wanted(goal: Goal) -> str:
    """Return what a goal asks for, and of what."""
    return _("Goal: %(name)s %(target)s") % {"name": goal.name, "target": goal_in_words(goal)}


def _holds(evidence: Evidence) -> bool:
    return not (evidence.is_withdrawn or evidence.is_stale)


@dataclass(frozen=True)
class ByHand:
    """A number that somebody wrote by hand in an answer of a section."""

    section: Section
    field: Field
    bare: BareNumber


def written_by_hand(record: Decision) -> list[ByHand]:
    """Return the numbers in results and recommendation that look measured and that nothing says.

    What is closed is left alone. Reads the prefetched rows.
    """
    if not record.is_open:
        return []
    known = _known_numbers(named_in(record))
    return [
        ByHand(section, field, one)
        for section in record.sections.all()
        if section.definition.chapter in (RESULTS, RECOMMENDATION)
        for field, value in section.values()
        if field.type == FieldType.MARKDOWN and not field.sets_limits
        for one in bare_numbers(value or "", known)
    ]


def _known_numbers(named: Named) -> KnownNumbers:
    """Return the numbers of the evidence that holds, and the limits that goals name."""
    known = []
    for name, one in named.items():
        if said := tuple(number for number in _numbers_of(one) if number is not None):
            known.append(Known(name, said, one.unit, isinstance(one, Evidence), _measured_of(one)))
    return KnownNumbers(known)


def _measured_of(one: Evidence | Goal) -> tuple[str, ...]:
    """Return what the candidates of a piece of evidence are called; of a goal, nothing."""
    if isinstance(one, Goal):
        return ()
    candidates = filter(None, [one.candidate, one.compared_with])
    return tuple(name for candidate in candidates for name in (candidate.letter, candidate.name))


def _numbers_of(one: Evidence | Goal) -> tuple[float | None, ...]:
    """Return what evidence that holds says, or a goal asks for."""
    if isinstance(one, Goal):
        return (one.target, one.worst_acceptable)
    return (one.value, one.low, one.high) if _holds(one) else ()


def texts_of(section: Section) -> Iterator[str]:
    """Yield the Markdown of a section: its answers, and where it lists them, the candidates'."""
    for field, value in section.values():
        if field.type == FieldType.MARKDOWN:
            yield value or ""
    if section.definition.rows == Rows.CANDIDATES:
        for one in section.decision.candidates.all():
            yield from (one.summary, one.data_needed, one.risks)


def citing(record: Decision, names: Collection[str]) -> list[Section]:
    """Return the parts whose texts refer to one of these names. Reads the prefetched rows."""
    for section in (sections := list(record.sections.all())):
        section.decision = record
    return [
        one
        for one in sections
        if any(not set(names).isdisjoint(references(text)) for text in texts_of(one))
    ]


def reference_problems(section: Section) -> list[str]:
    """Return a sentence for each thing that a section refers to and that does not hold.

    What is closed says what it said: nothing has to be mended there.
    """
    if not section.decision.is_open:
        return []
    return problems_in(texts_of(section), section.decision)


def problems_in(texts: Iterable[str], record: Decision) -> list[str]:
    """Return a sentence for each thing that texts refer to and that does not hold, once."""
    names = dict.fromkeys(name for text in texts for name in references(text))
    named = named_in(record) if names else {}
    return [problem for name in names if (problem := _problem_with(name, named))]


def _problem_with(name: str, named: Named) -> str:
    """Return why a text may not refer to something, in a sentence; "" if it may."""
    found = named.get(name)
    told = {"name": name}
    if found is None and EVIDENCE_NAME.fullmatch(name):
        return _("It refers to %(name)s, and there is no such evidence.") % told
    if found is None:
        return _("It refers to “%(name)s”, and no goal is set on that.") % told
    if not isinstance(found, Evidence) or _holds(found):
        return ""
    way_out = _successor_of(found, named)
    if found.is_stale and not way_out:
        way_out = _("Measure it again, or take the reference out.")
    return " ".join(filter(None, [_not_holding(found), way_out]))


def _not_holding(evidence: Evidence) -> str:
    """Return that a text refers to evidence that was withdrawn, or is out of date, and why."""
    reason = evidence.withdrawn_reason if evidence.is_withdrawn else evidence.stale_because
    told = {"name": evidence.reference, "reason": reason.strip().rstrip(".")}
    if evidence.is_withdrawn:
        return _("It refers to %(name)s, which was withdrawn (%(reason)s).") % told
    return _("It refers to %(name)s, which is out of date (%(reason)s).") % told


def _successor_of(evidence: Evidence, named: Named) -> str:
    """Return what was measured since in its place, in a sentence, or ""."""
    later = [one for one in named.values() if isinstance(one, Evidence) and _follows(one, evidence)]
    if not later:
        return ""
    return _("%(name)s has taken its place.") % {"name": later[-1].reference}


def _follows(one: Evidence, earlier: Evidence) -> bool:
    """Return whether a piece of evidence that holds says the same of the same candidates, later."""
    is_later = _holds(one) and one.number > earlier.number
    return is_later and _subject(one) == _subject(earlier) and answers(one, earlier)


def _subject(one: Evidence) -> tuple[object, ...]:
    return (one.is_comparison, one.candidate_id, one.compared_with_id, one.metric)
