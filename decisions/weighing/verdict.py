"""Is there a clear winner, and if not, why, and what measurement would help most? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.numbers import format_count, format_exact
from decisions.outcomes import Outcome
from decisions.weighing.cases import cases_to_tell
from decisions.weighing.scores import Simulated, Weighed, shares_of
from decisions.weighing.table import Flags, Source, Table
from decisions.weighing.words import interval_words, percent

CLEAR_MARGIN = 0.10  # share of the leader's score
CLEAR_CHANCE = 0.90
SMALL_PART = 0.10  # of a lead: what may rest on estimates
LEAST_GAIN = 0.0005  # of a score; less doesn't show in points to a tenth
SAME = 1e-9  # shares closer than this are the same but for rounding


@dataclass(frozen=True, slots=True)
class Measurement:
    """What would be worth measuring of one candidate (`column`), in one or several rows.

    `cases` is about how many it would take to tell, None where nothing says.
    """

    column: int
    rows: tuple[int, ...]
    cases: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one candidate clearly wins: `sentence` says so, `reasons` why not.

    `leader` is the column with the best score even where it is no clear winner, None without any.
    `caveats` say of whatever is said what it rests on. `helps` is the measurement that would help
    most, None where none would or none is needed; `next_step` says either.
    """

    is_clear: bool
    leader: int | None
    sentence: str
    reasons: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    helps: Measurement | None = None
    next_step: str = ""

    @property
    def winner(self) -> int | None:
        """Return the column of the clear winner, None without one."""
        return self.leader if self.is_clear else None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no clear winner, and the cell that would have to be measured, if it is one."""

    words: str
    cell: tuple[int, int] | None = None


def verdict(table: Table, weighed: Weighed, simulated: Simulated) -> Verdict:
    """Return a clear winner only if it leads by 10 %, is best in 90 % and meets every must.

    None of that may rest on estimates or on what is not known of another, and there has to be
    another.
    """
    reasons = list(_reasons(table, weighed, simulated))
    leader, caveats = weighed.leader, tuple(_caveats(table))
    words = tuple(one.words for one in reasons)
    if leader is None:
        return Verdict(False, None, _("No clear winner."), words, caveats)
    is_alone = weighed.runner_up is None
    if not reasons and not is_alone:
        return Verdict(True, leader, _clear_words(table, weighed, simulated), (), caveats)
    sentence = _alone_words(table, leader) if is_alone else _("No clear winner.")
    helps = most_helpful(table, weighed, simulated, reasons)
    step = helps.words if helps else "" if is_alone else _unmoved_words()
    return Verdict(False, leader, sentence, words, caveats, helps, step)


def most_helpful(
    table: Table, weighed: Weighed, simulated: Simulated, reasons: list[Reason]
) -> Measurement | None:
    """Return what to measure so that the choice improves most.

    Where no single source would change it to speak of, what the first reason asks for; None
    without one.
    """
    worth = simulated.worth_knowing
    if worth.max(initial=0.0) >= LEAST_GAIN:
        return _measurement(table, weighed, simulated, table.sources[int(worth.argmax())])
    cells = [one.cell for one in reasons if one.cell]
    if not cells:
        return None
    row, column = cells[0]
    source = next(one for one in table.sources if one.column == column and row in one.rows)
    return _measurement(table, weighed, simulated, source)


def _reasons(table: Table, weighed: Weighed, simulated: Simulated) -> Iterator[Reason]:
    """Give each reason why there is no clear winner."""
    leader = weighed.leader
    if leader is None:
        yield Reason(_nobody_words(table, weighed))
        return
    if weighed.scores[leader] <= 0:
        yield Reason(_("Nothing shows that %(leader)s is worth anything.") % _of(table, leader))
    elif weighed.runner_up is not None and weighed.margin < CLEAR_MARGIN - SAME:
        yield Reason(_margin_words(table, weighed, leader, weighed.runner_up))
    if weighed.runner_up is not None:
        yield from _chance_reasons(table, simulated, leader)
    yield from _must_reasons(table, leader)
    yield from _estimate_reasons(table, weighed, leader)
    yield from _gap_reasons(table, weighed, leader)


def _caveats(table: Table) -> Iterator[str]:
    """Give what has to be said of the evidence that counts: estimates, and what is out of date."""
    counts = (table.must | (table.weights > 0))[:, None]
    if stale := int((table.is_stale & counts).sum()):
        told = ngettext(
            "It rests on %(n)s figure that is out of date.",
            "It rests on %(n)s figures that are out of date.",
            stale,
        )
        yield told % {"n": format_count(stale)}
    if guessed := int((table.is_estimate & counts).sum()):
        told = ngettext("It rests on %(n)s estimate.", "It rests on %(n)s estimates.", guessed)
        yield told % {"n": format_count(guessed)}


def _nobody_words(table: Table, weighed: Weighed) -> str:
    if not table.columns:
        return _("There is no candidate to weigh.")
    if weighed.is_out.all():
        return _("Every candidate fails a must.")
    return _("Nothing has a weight, so nothing is weighed.")


def _alone_words(table: Table, leader: int) -> str:
    return _("%(leader)s is the only candidate left; there is nothing to compare it with.") % {
        "leader": str(table.columns[leader])
    }


def _unmoved_words() -> str:
    return _("No single measurement would change the choice.")


def _margin_words(table: Table, weighed: Weighed, leader: int, runner_up: int) -> str:
    told = _of(table, leader) | {"runner_up": table.columns[runner_up].letter}
    if weighed.margin <= 0:
        return _("%(leader)s and %(runner_up)s have the same score.") % told
    told |= {"margin": percent(weighed.margin), "asked": percent(CLEAR_MARGIN)}
    return (
        _(
            "%(leader)s scores higher than %(runner_up)s by %(margin)s of its score, where "
            "%(asked)s is asked for."
        )
        % told
    )


def _chance_reasons(table: Table, simulated: Simulated, leader: int) -> Iterator[Reason]:
    """Give a sentence where the leader is too seldom the best, or another is so more often.

    Nobody can be called the best of which nothing shows that it meets a must.
    """
    chance = float(simulated.best[leader])
    if chance >= CLEAR_CHANCE - SAME or table.is_unproven[leader]:
        return
    told = _of(table, leader) | {
        "chance": percent(chance),
        "asked": percent(CLEAR_CHANCE),
        "draws": format_count(simulated.draws),
    }
    words = _(
        "Within what the evidence leaves open, %(leader)s is the best in %(chance)s of "
        "%(draws)s draws, where %(asked)s is asked for."
    )
    yield Reason(words % told)
    proven = np.where(table.is_unproven, 0.0, simulated.best)
    other = int(proven.argmax())
    if proven[other] > chance:
        told |= {"other": table.columns[other].letter, "chance": percent(float(proven[other]))}
        yield Reason(_("%(other)s is the best more often, in %(chance)s.") % told)


def _must_reasons(table: Table, leader: int) -> Iterator[Reason]:
    """Give a sentence for each must of which is not certain that the leader meets it."""
    for row in np.flatnonzero(table.is_open_must[:, leader]).tolist():
        told = _of(table, leader) | {"goal": table.rows[row].name}
        if table.is_unknown[row, leader]:
            words = _("Nothing shows that %(leader)s meets %(goal)s, which is a must.")
        elif table.is_estimate[row, leader]:
            words = _("That %(leader)s meets %(goal)s, which is a must, is only an estimate.")
        else:
            words = _("Whether %(leader)s meets %(goal)s, which is a must, is not decisive.")
        yield Reason(words % told, (row, leader))


def _estimate_reasons(table: Table, weighed: Weighed, leader: int) -> Iterator[Reason]:
    """Give a sentence where more than a small part of the lead rests on estimates.

    The lead is that over whoever would be nearest without the estimates that speak for the leader.
    """
    rivals = [at for at in weighed.order if at != leader and not weighed.is_out[at]]
    if not rivals:
        return
    utilities = weighed.utilities
    ahead = shares_of(table)[:, None] * (utilities[:, [leader]] - utilities[:, rivals])
    is_guessed = table.is_estimate[:, rivals] | table.is_estimate[:, [leader]]
    guessed = np.where(is_guessed, np.maximum(ahead, 0.0), 0.0)
    leads, parts = ahead.sum(axis=0), guessed.sum(axis=0)
    nearest = int((leads - parts).argmin())
    if parts[nearest] <= SMALL_PART * max(leads[nearest], 0.0) + SAME:
        return
    told = _of(table, leader) | {"other": table.columns[rivals[nearest]].letter}
    told["part"] = percent(min(1.0, float(parts[nearest] / max(leads[nearest], parts[nearest]))))
    row = int(guessed[:, nearest].argmax())
    column = leader if table.is_estimate[row, leader] else rivals[nearest]
    words = _("%(part)s of what %(leader)s scores above %(other)s rests on estimates.")
    yield Reason(words % told, (row, column))


def _gap_reasons(table: Table, weighed: Weighed, leader: int) -> Iterator[Reason]:
    """Give a sentence for each candidate that what is not known of it could make the winner.

    That is what is known of the leader and has a weight.
    """
    shares = shares_of(table)
    for column in weighed.order:
        gaps: Flags = table.is_unknown[:, column] & ~table.is_unknown[:, leader] & (shares > 0)
        best = float(weighed.scores[column] + shares[gaps].sum())
        if weighed.is_out[column] or not gaps.any() or best <= weighed.scores[leader] + SAME:
            continue
        rows = np.flatnonzero(gaps).tolist()
        told = {"other": table.columns[column].letter, "goals": _names(table, rows)}
        words = _(
            "Nothing is known of %(other)s in %(goals)s; with the best values there it would win."
        )
        yield Reason(words % told, (max(rows, key=lambda row: shares[row]), column))


def _clear_words(table: Table, weighed: Weighed, simulated: Simulated) -> str:
    leader, runner_up = weighed.leader or 0, weighed.runner_up or 0
    told = {
        "leader": str(table.columns[leader]),
        "runner_up": table.columns[runner_up].letter,
        "margin": percent(weighed.margin),
        "chance": percent(float(simulated.best[leader])),
        "draws": format_count(simulated.draws),
    }
    return (
        _(
            "%(leader)s is the clear winner: ahead of %(runner_up)s by %(margin)s of its score, "
            "and the best in %(chance)s of %(draws)s draws."
        )
        % told
    )


def _measurement(
    table: Table, weighed: Weighed, simulated: Simulated, source: Source
) -> Measurement:
    cases = cases_to_tell(table, weighed, simulated, source, CLEAR_CHANCE)
    rows = tuple(_telling(table, source)) or source.rows
    words = " ".join(filter(None, [_help_words(table, source.column, rows), _cases_words(cases)]))
    return Measurement(source.column, rows, cases, words)


def _telling(table: Table, source: Source) -> Iterator[int]:
    """Give the rows of a source that count, and of which the worth is open."""
    low, high = (np.clip(table.worth(end), 0, 1) for end in (table.low, table.high))
    guessed = table.is_unknown | table.is_estimate
    for row in source.rows:
        at = (row, source.column)
        is_open = guessed[at] or abs(high[at] - low[at]) > SAME
        if (table.weights[row] or table.must[row]) and is_open:
            yield row


def _help_words(table: Table, column: int, rows: tuple[int, ...]) -> str:
    """Return what is known of the cells of a source and what would help."""
    first = table.rows[rows[0]]
    told = {"candidate": table.columns[column].letter, "rows": _names(table, rows)}
    if table.is_unknown[rows[0], column]:
        if first.is_role:
            return _("What %(rows)s says of %(candidate)s would help most.") % told
        return _("Measuring %(rows)s of %(candidate)s would help most: nothing is known.") % told
    known = (interval_words(table, row, column, table.rows[row].unit) for row in rows)
    told |= {"known": ", ".join(filter(None, known)), "target": format_exact(first.one, first.unit)}
    if table.is_estimate[rows[0], column]:
        return _estimate_words(bool(told["known"])) % told
    if len(rows) > 1:
        return (
            _(
                "Measuring %(rows)s of %(candidate)s more closely would help most; they come from "
                "one source, and so far they are %(known)s."
            )
            % told
        )
    return _more_words(table, rows[0], column) % told


def _estimate_words(is_bounded: bool) -> str:
    """Return the sentence on what was only estimated, with its gaps."""
    if is_bounded:
        return _(
            "Measuring %(rows)s of %(candidate)s would help most: it is only an estimate, "
            "%(known)s."
        )
    return _("Measuring %(rows)s of %(candidate)s would help most: it is only an estimate.")


def _more_words(table: Table, row: int, column: int) -> str:
    """Return the sentence on a measured cell, with its gaps."""
    if table.outcomes[row][column] == Outcome.OPEN:
        return _(
            "Measuring %(rows)s of %(candidate)s more closely would help most: %(known)s crosses "
            "the target of %(target)s."
        )
    return _(
        "Measuring %(rows)s of %(candidate)s more closely would help most: so far it is %(known)s."
    )


def _cases_words(cases: int | None) -> str:
    if cases is None:
        return ""
    counted = ngettext("About %(n)s case would tell.", "About %(n)s cases would tell.", cases)
    return counted % {"n": format_count(cases)}


def _names(table: Table, rows: tuple[int, ...] | list[int]) -> str:
    return ", ".join(table.rows[row].name for row in rows)


def _of(table: Table, leader: int) -> dict[str, str]:
    return {"leader": table.columns[leader].letter}
