"""Small pieces of the pages of measuring: verdicts on answers, times, labels."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.numbers import format_number, format_value
from decisions.templatetags.ui import icon
from evaluations.comparing import metric_of
from evaluations.models import Progress, Result, Run, RunState
from evaluations.scorers import SCORERS
from evaluations.sent_prompt import FoundPassage, SentPrompts, Turn, passages_of

register = template.Library()

STATE_ICONS = {
    RunState.REQUESTED: "clock",
    RunState.RUNNING: "play",
    RunState.PAUSED: "clock",
    RunState.FINISHED: "check",
    RunState.FAILED: "warning",
    RunState.CANCELLED: "stop",
}


@register.simple_tag
def run_state(run: Run) -> SafeString:
    """Return how far a run is, as a symbol and a word."""
    symbol = icon(STATE_ICONS[RunState(run.state)])
    return format_html(
        '<span class="status status-{}">{}{}</span>', run.state, symbol, run.get_state_display()
    )


@register.simple_tag
def answer(result: Result | None, names: dict[str, str]) -> SafeString:
    """Return what was answered: a sign for right or wrong, and the label's name."""
    if result is None or not result.is_answered:
        return format_html('<span class="faint">{}</span>', _("not answered yet"))
    if result.is_failed:
        return _marked("missed", "warning", _("failed"))
    said = names.get(result.output, result.output) or _("nothing")
    if result.correct is None:
        return _by_degrees(result.score, said)
    return _marked("met", "check", said) if result.correct else _marked("missed", "cross", said)


def _by_degrees(score: float | None, said: str) -> SafeString:
    """Return an answer with its score of the main scorer, where nothing is right or wrong."""
    mark = _("not scored") if score is None else format_number(score, 2)
    return format_html('{} <span class="status nowrap">{}</span>', said, mark)


@register.filter
def scores(result: Result) -> list[tuple[str, str, str]]:
    """Return (scorer, score, why) of an answer that several scorers scored."""
    reasons = result.details.get("judged", {})
    told = []
    for key, value in result.scores.items():
        title = SCORERS[key].title if key in SCORERS else key
        reason = reasons.get(key, {})
        nothing = _("not judged") if "fault" in reason else _("does not apply")
        shown = nothing if value is None else format_number(value, 2)
        told.append((str(title), shown, str(reason.get("fault") or reason.get("why", ""))))
    return told if len(told) > 1 or reasons else []


def _marked(verdict: str, symbol: str, said: str) -> SafeString:
    told = {"met": _("right"), "open": _("no verdict")}
    words = told.get(verdict, _("wrong"))
    return format_html(
        '<span class="verdict verdict-{}">{}{}</span>', verdict, icon(symbol, words), said
    )


@register.filter
def sent_in(result: Result, prompts: SentPrompts) -> list[Turn]:
    """Return the messages that the model of a run was sent for a case."""
    return prompts.turns(result)


@register.filter
def passages(result: Result) -> list[FoundPassage]:
    """Return the passages that were found for a case, numbered as they are cited."""
    return passages_of(result)


@register.filter
def headline(run: Run) -> list[tuple[str, str]]:
    """Return (metric's name, value) of the figure that a run is first asked for."""
    return run.headline(metric_of(run)[0])


@register.filter
def milliseconds(value: float | None) -> str:
    """Return a latency to a tenth below ten milliseconds, whole above."""
    if value is None:
        return ""
    return f"{format_number(value, 1 if value < 10 else 0)} ms"


@register.filter
def lasting(span: timedelta | None) -> str:
    """Return a time span in one unit: 41 s, 3 min, 2 h."""
    if span is None:
        return ""
    seconds = round(span.total_seconds())
    if seconds < 90:
        return _("%(n)s s") % {"n": max(seconds, 1)}
    if seconds < 5400:
        return _("%(n)s min") % {"n": round(seconds / 60)}
    return _("%(n)s h") % {"n": round(seconds / 3600)}


@register.filter
def cases_left(span: timedelta | None) -> str:
    """Return the time that is left, in words; "" while nobody knows."""
    return _("about %(time)s left") % {"time": lasting(span)} if span else ""


@register.filter
def pace(progress: Progress) -> str:
    """Return how fast a run goes and what it has cost so far; "" while nobody knows."""
    rate = progress.rate and _("%(n)s a second") % {"n": format_value(progress.rate)}
    cost = progress.cost is not None and _("%(n)s USD so far") % {"n": money(progress.cost)}
    return ", ".join(part for part in (rate, cost) if part)


def money(amount: Decimal) -> str:
    """Return an amount to the cent, a smaller one to two figures that say something."""
    value = float(amount)
    return format_number(value, 2) if value >= 0.1 or not value else f"{value:.2g}"


@register.filter
def progress_words(progress: Progress) -> str:
    """Return how far a run is, in words: "124 of 200 answers, 0 failed"."""
    told: dict[str, Any] = {
        "done": format_number(progress.answered, 0),
        "total": format_number(progress.total, 0),
        "failed": format_number(progress.failed, 0),
    }
    return (
        ngettext(
            "%(done)s of %(total)s answer, %(failed)s failed",
            "%(done)s of %(total)s answers, %(failed)s failed",
            progress.total,
        )
        % told
    )
