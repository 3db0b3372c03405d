"""Blind rating: opening a round, rating, closing it, and what it comes to as evidence."""

import hashlib
import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.actions.evidence import Measurement, attach_evidence
from decisions.models import Decision, EvidenceKind, User
from decisions.notify.rules import Telling
from decisions.notify.telling import answered, tell_asked
from decisions.numbers import format_count, format_interval, format_value
from decisions.policies import BadInput, Refused, ensure, wrong_state
from evaluations.actions import refuse_other_spec
from evaluations.comparing import p_in_words, why_not
from evaluations.models import Result, Run, RunState
from evaluations.models.rating import (
    Choice,
    RatedCase,
    Rater,
    Rating,
    RatingRound,
    RoundState,
)
from evaluations.preference import Preference, preference

FEWEST, MOST = 1, 200
SCORER = "human_rating/1"
SEEDS = 2**53
ASKED = "rate"  # what raters are told of


def open_round(
    first: Run, second: Run, *, by: User, question: str, raters: Sequence[User], size: int
) -> RatingRound:
    """Ask people which of two runs' answers are better, on `size` cases drawn at random.

    The answers are kept as they are now. Raises `Refused`, or `BadInput` for runs that cannot be
    held against each other or people who do not take part in the record.
    """
    decision = first.candidate.decision
    ensure("measure", decision, by)
    first, second = paired_runs(first, second)
    _refuse_strangers(decision, raters)
    if not question.strip():
        raise BadInput(_("Say what the raters are to judge."))
    seed = secrets.randbelow(SEEDS)
    sample = sampled(first, second, size, seed)
    with transaction.atomic():
        found = RatingRound.objects.create(
            decision=decision,
            first=first,
            second=second,
            question=question.strip(),
            seed=seed,
            opened_by=by,
            opened_at=clock.now(),
            equal_pairs=sample.equal,
            asked_again=sample.again,
        )
        for one in sample.pairs:
            one.round = found
        RatedCase.objects.bulk_create(sample.pairs)
        Rater.objects.bulk_create(Rater(round=found, user=user) for user in dict.fromkeys(raters))
        _tell_raters(found)
    return found


def _tell_raters(found: RatingRound) -> None:
    """Tell those who are asked to rate, with where they do it."""
    told = {"actor": str(found.opened_by), "question": Truncator(found.question).chars(200)}
    for rater in found.raters.select_related("user"):
        telling = Telling(rater.user, ASKED, _once_for(found), found.get_absolute_url(), told)
        tell_asked(telling, found.decision, by=found.opened_by)


def _once_for(found: RatingRound) -> str:
    return f"{ASKED}:{found.pk}"


def paired_runs(first: Run, second: Run) -> tuple[Run, Run]:
    """Return two runs in the record's order, so that asking again replaces what was found before.

    Raises `BadInput` unless both are finished runs of one record and answered the same cases.
    """
    one, other = first.candidate, second.candidate
    if one.decision_id != other.decision_id or one == other:
        raise BadInput(_("Choose runs of two candidates of this record."))
    if {first.state, second.state} != {RunState.FINISHED}:
        raise BadInput(_("Only finished runs can be rated."))
    has_cases = None not in (first.case_set_id, second.case_set_id)
    if not has_cases or (first.case_set.digest, first.split) != (
        second.case_set.digest,
        second.split,
    ):
        told = {"run": second, "why": why_not(first, second)}
        raise BadInput(_("%(run)s was %(why)s.") % told)
    return (first, second) if one.position < other.position else (second, first)


def _refuse_strangers(decision: Decision, raters: Sequence[User]) -> None:
    """Raise `BadInput` without raters, or for one who does not take part in the record."""
    if not raters:
        raise BadInput(_("Choose at least one person to rate."))
    for user in raters:
        if not decision.involves(user):
            raise BadInput(_("%(person)s does not take part in this record.") % {"person": user})


@dataclass(frozen=True)
class Sample:
    """Pairs of answers to be held side by side, not saved yet, and how many cannot be.

    `equal` pairs say the same on both sides, `again` ask what another case asks already.
    """

    pairs: list[RatedCase]
    equal: int
    again: int


def sampled(first: Run, second: Run, size: int, seed: int) -> Sample:
    """Draw by the seed up to so many cases that both runs answered, and not with the same words.

    Each question is drawn once. Raises `BadInput` where nothing is left to tell apart.
    """
    if not FEWEST <= size <= MOST:
        raise BadInput(_("%(few)s to %(most)s cases.") % {"few": FEWEST, "most": MOST})
    answers, others = _answers(first), _answers(second)
    both = sorted(answers.keys() & others.keys())
    differ = [key for key in both if _said(answers[key]).strip() != _said(others[key]).strip()]
    once = {answers[key].case.input.strip(): key for key in reversed(differ)}
    if not once:
        raise BadInput(_("The two runs answered every case the same: there is nothing to choose."))
    chosen = random.Random(seed).sample(sorted(once.values()), min(size, len(once)))  # noqa: S311
    pairs = [
        RatedCase(
            case=answers[key].case,
            first_output=_said(answers[key]),
            second_output=_said(others[key]),
        )
        for key in chosen
    ]
    return Sample(pairs, len(both) - len(differ), len(differ) - len(once))


def _answers(run: Run) -> dict[str, Result]:
    """Return a run's first answer to each case, by the case's key."""
    rows = run.results.filter(repeat=0).select_related("case")
    return {row.case.key: row for row in rows}


def _said(result: Result) -> str:
    return "" if result.error else result.output


# Rating


@dataclass(frozen=True)
class Question:
    """What a rater is asked next: two answers without names, and which of how many it is."""

    rated: RatedCase
    place: int
    of: int
    left: str
    right: str

    @property
    def done(self) -> int:
        """Return how many cases the rater has rated before."""
        return self.place - 1


def next_question(rater: Rater) -> Question | None:
    """Return the first case in the rater's order that they have not rated; None at the end."""
    ordered = rater.in_order()
    rated = set(rater.ratings.values_list("rated", flat=True))
    for place, one in enumerate(ordered, start=1):
        if one.pk not in rated:
            sides = (one.first_output, one.second_output)
            left, right = sides if rater.sees_first_left(one) else sides[::-1]
            return Question(one, place, len(ordered), left, right)
    return None


def still_to_rate(user: User) -> list[RatingRound]:
    """Return the open rounds in which a person has cases left to rate: they stay blind so long."""
    asked = RatingRound.objects.filter(state=RoundState.OPEN, raters__user=user)
    related = asked.select_related("first__case_set", "second")
    left = RatedCase.objects.filter(round=OuterRef("pk")).exclude(ratings__rater__user=user)
    return list(related.filter(Exists(left)))


def rate(rater: Rater, place: int, choice: str, *, by: User, comment: str = "") -> bool:
    """Keep a rater's choice on the case at a place (from 1) of their order.

    Returns whether it is new: what comes a second time, from a double click or another tab, changes
    nothing. Raises `Refused` once the round has ended, `BadInput` for what is no choice.
    """
    _refuse_other_rater(rater, by)
    ordered = rater.in_order()
    if choice not in Choice.values or not 1 <= place <= len(ordered):
        raise BadInput(_("Choose one."))
    rated = ordered[place - 1]
    try:
        with transaction.atomic():
            still = RatingRound.objects.select_for_update().get(pk=rater.round_id)
            if not still.is_open:
                raise wrong_state(_("The round has ended: it takes no more ratings."))
            Rating.objects.create(
                rater=rater,
                rated=rated,
                choice=choice,
                first_was_left=rater.sees_first_left(rated),
                comment=comment.strip(),
                at=clock.now(),
            )
    except IntegrityError:
        return False
    if rater.ratings.count() == len(ordered):
        answered(ASKED, _once_for(rater.round), rater.round.decision, by)
    return True


def _refuse_other_rater(rater: Rater, by: User) -> None:
    """Raise `Refused` unless the rater rates, and still may take part."""
    decision = rater.round.decision
    if rater.user_id != by.pk:
        raise wrong_state(_("Each rater rates for themselves."))
    ensure("comment", decision, by)


# Ending


def cancel_round(found: RatingRound, *, by: User) -> None:
    """End a round without a result; what was rated stays, unseen."""
    ensure("measure", found.decision, by)
    if not _end(found, RoundState.CANCELLED, by):
        raise wrong_state(_("The round has ended already."))


def close_round(found: RatingRound, *, by: User) -> None:
    """End a round, open its result to all, and hand it to the record as evidence.

    If the record takes none any more, the round says so. Raises `Refused` if nobody rated.
    """
    ensure("measure", found.decision, by)
    if not Rating.objects.filter(rater__round=found).exists():
        raise wrong_state(_("Nobody has rated yet: cancel the round instead."))
    with transaction.atomic():
        if not _end(found, RoundState.CLOSED, by):
            raise wrong_state(_("The round has ended already."))
        found.outcome = _attached(found, by)
        found.save(update_fields=["outcome"])


def _end(found: RatingRound, state: str, by: User) -> bool:
    """End a round unless it has ended already; return whether this call did."""
    still_open = RatingRound.objects.filter(pk=found.pk, state=RoundState.OPEN)
    ended = still_open.update(state=state, ended_at=clock.now(), ended_by=by)
    found.refresh_from_db()
    if ended:
        answered(ASKED, _once_for(found), found.decision)
    return bool(ended)


def _attached(found: RatingRound, by: User) -> str:
    """Attach what a round came to; return in a sentence what became of it."""
    result = outcome(found)
    if not result.decided:
        return _("Not attached to the record: neither side won a single case.")
    try:
        with transaction.atomic():
            (evidence,) = attach_evidence(
                found.first.candidate,
                by=by,
                measurements=[measurement(found, result)],
                kind=EvidenceKind.COMPARISON,
            )
            for run in (found.first, found.second):
                refuse_other_spec(run)
    except (Refused, BadInput) as why:
        return _("Not attached to the record: %(why)s") % {"why": why}
    told = {"record": found.decision.reference, "name": evidence.reference}
    return _("Attached to %(record)s as %(name)s.") % told


# What it comes to


def outcome(found: RatingRound) -> Preference:
    """Return what the ratings of a round come to. Ask only once it is closed."""
    raters = list(found.raters.filter(ratings__isnull=False).distinct().order_by("pk"))
    said = {
        (one.rated_id, one.rater_id): one.verdict
        for one in Rating.objects.filter(rater__round=found)
    }
    choices = {
        str(rated.pk): [said.get((rated.pk, rater.pk), "") for rater in raters]
        for rated in found.cases.all()
    }
    return preference(choices, [str(rater.pk) for rater in raters])


def progress(found: RatingRound) -> list[tuple[Rater, int]]:
    """Return every rater with how many cases they have rated."""
    counted = found.raters.select_related("user").annotate(done=Count("ratings"))
    return [(rater, rater.done) for rater in counted.order_by("pk")]


def measurement(found: RatingRound, result: Preference) -> Measurement:
    """Return a round's result as the record takes it in: the first's share of decided cases."""
    other = found.second.candidate
    share = share_of(found.first, found.second, result)
    asked = {"scorer": SCORER, "question": found.question}
    return Measurement(
        metric="preference",
        metric_name=_("Preferred by people, against %(other)s") % {"other": other.letter},
        method=" ".join(in_words(found, result)),
        origin=str(found),
        origin_url=found.get_absolute_url(),
        source_digest=_source_digest(found),
        **share | {"conditions": share["conditions"] | asked},
    )


def share_of(first: Run, second: Run, result: Preference) -> dict[str, Any]:
    """Return the first's share of decided cases, as a measurement has it, with its conditions."""
    interval = result.interval
    low, high = interval.low or 0.0, 1.0 if interval.high is None else interval.high
    return {
        "value": 100 * result.first / result.decided,
        "low": 100 * low,
        "high": 100 * high,
        "interval_method": f"Wilson, {interval.confidence:.0%}",
        "n": result.decided,
        "unit": "%",
        "conditions": {
            "case_set": str(first.case_set),
            "case_set_digest": first.case_set.digest,
            "split": first.split,
        },
        "compared_with": second.candidate,
    }


def in_words(found: RatingRound, result: Preference) -> list[str]:
    """Return a round's result in sentences: who is preferred, how sure, and how it was asked."""
    first, second = found.first.candidate, found.second.candidate
    told = {
        "first": first.name,
        "second": second.name,
        "wins": format_count(result.first),
        "losses": format_count(result.second),
        "neither": format_count(result.neither),
        "bad": format_count(result.both_bad),
    }
    winning = _(
        "People prefer %(ahead)s to %(behind)s on %(share)s of the %(n)s cases that one of "
        "them won (95%% interval: %(interval)s; sign test: %(p)s)."
    )
    return [
        headline(found.first, found.second, result, winning),
        _(
            "Cases won: %(first)s %(wins)s, %(second)s %(losses)s, neither %(neither)s (both bad: "
            "%(bad)s). Those that neither won are left out of the share."
        )
        % told,
        _asked_of(found),
        *not_drawn(found.equal_pairs, found.asked_again),
        _agreement_in_words(result),
        _("Asked: %(question)s") % {"question": found.question},
    ]


def headline(one: Run, other: Run, result: Preference, winning: str) -> str:
    """Return who is preferred, by the sentence for a winner, or that nobody can tell."""
    if not result.decided:
        return _("Not decisive: neither won a single case.")
    first, second = one.candidate.name, other.candidate.name
    ahead, behind = (first, second) if result.first >= result.second else (second, first)
    wins = max(result.first, result.second)
    interval = result.interval
    low, high = interval.low or 0.0, 1.0 if interval.high is None else interval.high
    ends = (low, high) if result.first >= result.second else (1 - high, 1 - low)
    told = {
        "ahead": ahead,
        "behind": behind,
        "share": format_value(100 * wins / result.decided, 100 * ends[0], 100 * ends[1], "%"),
        "interval": format_interval(100 * ends[0], 100 * ends[1], "%"),
        "n": format_count(result.decided),
        "p": p_in_words(result.p),
    }
    if result.p <= 0.05 and ends[0] > 0.5:
        return winning % told
    return (
        _(
            "Not decisive: %(ahead)s won %(share)s of the %(n)s cases that it or %(behind)s won, "
            "which may be chance (95%% interval: %(interval)s; sign test: %(p)s)."
        )
        % told
    )


def _asked_of(found: RatingRound) -> str:
    """Return who rated how, in a sentence."""
    rated = [(rater, done) for rater, done in progress(found) if done]
    total = found.cases.count()
    told = {"n": format_count(len(rated)), "total": format_count(total)}
    return (
        ngettext(
            "%(n)s person rated up to %(total)s cases side by side without knowing whose answers "
            "they were, each pair in a random order; a case goes to the side that more than half "
            "prefer.",
            "%(n)s people rated up to %(total)s cases side by side without knowing whose answers "
            "they were, each pair in a random order; a case goes to the side that more than half "
            "prefer.",
            len(rated),
        )
        % told
    )


def not_drawn(equal: int, again: int) -> list[str]:
    """Return in sentences which pairs were left out before the cases were drawn."""
    same = ngettext(
        "%(n)s pair of equal answers was not drawn.",
        "%(n)s pairs of equal answers were not drawn.",
        equal,
    )
    repeated = ngettext(
        "%(n)s case that asks the same as another was not drawn.",
        "%(n)s cases that ask the same as another were not drawn.",
        again,
    )
    counted = ((same, equal), (repeated, again))
    return [words % {"n": format_count(n)} for words, n in counted if n]


def _agreement_in_words(result: Preference) -> str:
    """Return how far the raters agreed."""
    found = result.agreement
    if found is None:
        return _("With one rater, or no case that all rated, nothing is known of agreement.")
    told = {"method": found.method, "n": format_count(found.n), "raters": found.raters}
    if found.kappa is None:
        return _("All %(raters)s raters always chose the same on %(n)s cases.") % told
    told["kappa"] = format_value(found.kappa)
    return _("Agreement: %(method)s kappa %(kappa)s on the %(n)s cases that all rated.") % told


def _source_digest(found: RatingRound) -> str:
    """Return the SHA-256 (hex) of what was shown and chosen, one JSON line a rating, in order."""
    running = hashlib.sha256(f"{found.question}\n".encode())
    ratings = Rating.objects.filter(rater__round=found).select_related("rated__case", "rater")
    for one in ratings.order_by("rated_id", "rater_id"):
        shown = [one.rated.case.key, one.rated.first_output, one.rated.second_output]
        line = json.dumps([*shown, one.verdict], separators=(",", ":"))
        running.update(f"{line}\n".encode())
    return running.hexdigest()
