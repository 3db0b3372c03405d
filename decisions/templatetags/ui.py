"""Small pieces of every page: symbols, roles, states, dates and digests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from decisions import clock
from decisions.blockers import Blocker
from decisions.comparability import condition_name
from decisions.figures import chosen_letters
from decisions.models import (
    OWNER,
    Candidate,
    Evidence,
    Goal,
    Role,
    Section,
    SectionState,
    Thread,
)
from decisions.outcomes import Outcome
from decisions.proposals import proposed_by
from decisions.record_page import RecordPage
from decisions.record_parts import STATE_ICONS, CriterionRow
from decisions.references import ByHand
from decisions.section_kinds import Field, FieldType, Text

register = template.Library()

CASE_PAGES = {"case_sets", "corpora", "probe", "case_set_readers", "corpus_readers", "import"}
BRIEF = 20  # characters that all choices of a field have together to stand on one line


@register.simple_tag
def icon(name: str, label: str = "", classes: str = "icon") -> SafeString:
    """Return a symbol of the sprite; without a label it is decoration."""
    meaning = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else mark_safe('aria-hidden="true"')
    )
    return format_html(
        '<svg class="{}" {}><use href="{}#{}"></use></svg>',
        classes,
        meaning,
        static("icons/sprite.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def menu_entry(context: Mapping[str, Any]) -> str:
    """Return the entry of the menu that a page belongs to: "decisions", "case_sets" or none.

    A page of measuring belongs to its record; a view whose address does not tell says `menu`.
    """
    match = getattr(context["request"], "resolver_match", None)
    if match is None:
        return ""
    if match.namespace == "evaluations":
        is_of_cases = match.url_name in CASE_PAGES or match.url_name.endswith(
            ("case_set", "corpus")
        )
        return str(context.get("menu") or ("case_sets" if is_of_cases else "decisions"))
    return "decisions" if match.namespace == "decisions" else ""


@register.simple_tag
def role_badge(role: str, owner: Any = "") -> SafeString:
    """Return a role's mark and name; for the owner's own part, the owner's name."""
    if role == OWNER:
        return format_html('<span class="role">{}{}</span>', icon("people"), owner)
    mark = icon(f"role-{role}", classes="role-mark")
    return format_html('<span class="role role-{}">{}{}</span>', role, mark, Role(role).label)


@register.simple_tag
def role_mark(role: str) -> SafeString:
    """Return a role's mark alone, named for those who cannot see it."""
    if role == OWNER:
        return icon("people", _("Owner"))
    return icon(f"role-{role}", str(Role(role).label), f"role-mark role-{role}")


@register.simple_tag
def state_badge(state: str, name: str) -> SafeString:
    """Return how far a part has come, as a symbol and a word."""
    symbol = icon(STATE_ICONS[SectionState(state)])
    return format_html('<span class="state state-{}">{}{}</span>', state, symbol, name)


@register.simple_tag
def rating(value: int) -> SafeString:
    """Return a rating from 1 to 5, as marks and as a number."""
    return format_html(
        '<span class="rating">{}{}<span class="visually-hidden"> {}</span></span>',
        icon(f"rating-{value}", classes=""),
        value,
        _("of 5"),
    )


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Return how long ago it was, with the exact time on hover."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    gone = timesince(moment, clock.now(), depth=1)
    words = _("just now") if gone.startswith("0") else _("%(time)s ago") % {"time": gone}
    exact = date_format(local, "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, words)


@register.filter
def due(day: date | None) -> SafeString | str:
    """Return a due date, relative while it is near, marked when it is soon or past."""
    if day is None:
        return ""
    left = (day - clock.today()).days
    classes = "due is-overdue" if left < 0 else "due is-soon" if left <= 7 else "due"
    return format_html(
        '<time class="{}" datetime="{}" title="{}">{}</time>',
        classes,
        day.isoformat(),
        date_format(day, "DATE_FORMAT"),
        _days_left(day, left),
    )


def _days_left(day: date, left: int) -> str:
    if left == 0:
        return _("today")
    if abs(left) > 14:
        return date_format(day, "DATE_FORMAT")
    distance = timesince(min(day, clock.today()), max(day, clock.today()), depth=1)
    return (_("in %(time)s") if left > 0 else _("%(time)s ago")) % {"time": distance}


@register.filter
def chip(digest: str) -> SafeString | str:
    """Return the first eight figures of a digest, the whole on hover."""
    if not digest:
        return ""
    return format_html('<code class="digest-chip" title="{}">{}…</code>', digest, digest[:8])


@register.filter
def grouped(digest: str) -> list[str]:
    """Return a digest in groups of eight."""
    return [digest[start : start + 8] for start in range(0, len(digest), 8)]


@register.filter
def status_class(status: str) -> str:
    """Return the class of a status chip."""
    return f"status status-{status}"


@register.filter
def field_kind(field: BoundField) -> str:
    """Return how a field is laid out: "choices", "check" or "input"."""
    match field.field.widget:
        case RadioSelect() | CheckboxSelectMultiple():
            return "choices"
        case CheckboxInput():
            return "check"
    return "input"


@register.filter
def is_brief(field: BoundField) -> bool:
    """Return whether a field's choices are so short that they stand side by side."""
    return sum(len(str(one.choice_label)) for one in field) <= BRIEF


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """Return a field's control, tied to its hint and its error."""
    attrs: dict[str, Any] = {}
    described = []
    if field.help_text:
        described.append(f"{field.id_for_label}-hint")
    if field.errors:
        described.append(f"{field.id_for_label}-error")
        attrs["aria-invalid"] = "true"
    if described:
        attrs["aria-describedby"] = " ".join(described)
    return field.as_widget(attrs=attrs)


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """Return `mapping[key]`, or nothing."""
    return mapping.get(key) if mapping else None


@dataclass(frozen=True)
class HoldingBack:
    """What holds a record back, as its reader needs it: their own part of it comes first."""

    mine: list[Blocker]
    others: list[Blocker]
    unsigned: list[str]
    unsigned_count: int

    @property
    def count(self) -> int:
        """Return how many lines there are: all missing signatures are one."""
        return len(self.mine) + len(self.others) + bool(self.unsigned)


@register.filter
def holding_back(page: RecordPage) -> HoldingBack:
    """Return the blockers by whom they wait on; missing signatures are one thing, not four.

    Who has rejected it is not missing: that is a thing of its own.
    """
    signing = [one for one in page.blockers if one.is_missing_signature]
    rest = [one for one in page.blockers if not one.is_missing_signature]
    mine = [one for one in rest if one.concerns(page.user, page.my_roles)]
    others = sorted((one for one in rest if one not in mine), key=lambda one: str(one.waits_on))
    return HoldingBack(mine, others, _unsigned(signing), len(signing))


def _unsigned(signing: list[Blocker]) -> list[str]:
    """Return each role whose signature is missing, with the people if it is for each of them."""
    named: dict[str, list[str]] = {}
    for one in signing:
        named.setdefault(one.role, []).extend([str(one.waits_on)] if one.person else [])
    return [_with_people(str(Role(role).label), people) for role, people in named.items()]


def _with_people(role: str, people: list[str]) -> str:
    return f"{role} ({', '.join(people)})" if people else role


@register.filter
def chosen(page: RecordPage) -> set[str]:
    """Return the letters of the recommended candidates."""
    return chosen_letters(page.record)


@register.filter
def standing(candidate: Candidate, chosen: set[str]) -> str:
    """Return a candidate's approach, and whether it is recommended or no longer considered."""
    said = [candidate.approach_words] if candidate.approach_words else []
    if candidate.is_dropped:
        said.append(_("no longer considered"))
    elif candidate.letter in chosen:
        said.append(_("recommended"))
    return ", ".join(said)


@register.filter
def is_past(day: date | None) -> bool:
    """Return whether a day has come."""
    return day is not None and day <= clock.today()


@register.filter
def may_resolve(page: RecordPage, thread: Thread) -> bool:
    """Return whether the reader may end this discussion or take it up again."""
    return page.refusal("resolve", thread) is None


@register.filter
def may_withdraw(page: RecordPage, evidence: Evidence) -> bool:
    """Return whether the person may take this piece of evidence out now."""
    return page.refusal("withdraw_evidence", evidence) is None


@register.filter("proposed_by")
def proposed_by_whom(page: RecordPage, goal: Goal) -> list[str]:
    """Return who asks for a goal: its role, and the person where they proposed it in person."""
    return proposed_by(goal, page.proposers)


@register.filter
def proposer_of(page: RecordPage, goal: Goal) -> str:
    """Return the name of who proposed a goal in person, "" if its role alone is to be named."""
    told = proposed_by_whom(page, goal)
    return "" if goal.proposed_by_role and len(told) == 1 else told[-1]


@register.filter
def may_edit_goal(page: RecordPage, goal: Goal) -> bool:
    """Return whether the reader may change this goal now."""
    return page.refusal("edit_goal", goal) is None


@register.filter
def may_remove_goal(page: RecordPage, goal: Goal) -> bool:
    """Return whether the reader may take this goal off the list now."""
    return page.refusal("remove_goal", goal) is None


@register.filter
def criteria_of(page: RecordPage, role: str) -> list[CriterionRow]:
    """Return a role's criteria with its assessment of each candidate."""
    return page.criteria(role)


@register.filter
def by_hand_in(page: RecordPage, section: Section) -> list[ByHand]:
    """Return the numbers that were written by hand in a section."""
    return [one for one in page.by_hand if one.section == section]


@register.filter
def has_facts(section: Section) -> bool:
    """Return whether a section has answers that are set as facts, not as prose."""
    prose = {FieldType.MARKDOWN, FieldType.CANDIDATES}
    return any(value and field.type not in prose for field, value in section.values())


@register.filter
def choice_label(field: Field, value: str) -> Text:
    """Return the label of a choice."""
    return field.label_of(value)


@register.filter
def iso_date(value: str) -> str:
    """Return a stored day as the reader writes it."""
    return date_format(date.fromisoformat(value), "DATE_FORMAT")


@register.filter
def verdict(outcome: str | None) -> SafeString | str:
    """Return whether a goal is met, as a symbol and words."""
    if not outcome:
        return ""
    said = Outcome(outcome)
    return format_html(
        '<span class="verdict verdict-{}">{}{}</span>', said.value, icon(said.icon), said.label
    )


@register.filter
def first_sentence(text: str) -> str:
    """Return the sentence that a text begins with."""
    return _sentences(text)[0]


@register.filter
def after_first_sentence(text: str) -> str:
    """Return what a text says after its first sentence."""
    return _sentences(text)[1]


def _sentences(text: str) -> tuple[str, str]:
    """Return the first sentence of a text, and what comes after it."""
    first, *rest = re.split(r"(?<=[.!?])\s+(?=[A-ZÀ-Þ])", text, maxsplit=1)
    return first, "".join(rest)


register.filter("condition_name", condition_name)
