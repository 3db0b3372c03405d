"""Blind rating: the rounds of a record, one round, and the next case to rate."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from decisions.models import Decision, User
from decisions.policies import ensure, refusal
from decisions.views.shared import done, get_record, page, person, posted, status_of
from evaluations.models import Choice, RatedCase, Rater, Rating, RatingRound, Run, RunState
from evaluations.preference import winner
from evaluations.rating import (
    Question,
    cancel_round,
    close_round,
    in_words,
    next_question,
    not_drawn,
    open_round,
    outcome,
    progress,
)
from evaluations.rating import (
    rate as keep_rating,
)
from evaluations.rating_forms import JudgeForm, RatingForm, RoundForm
from evaluations.round_judging import judges_of, request_judging
from evaluations.views.shared import page_of, wants_fragment

ROUNDS_PER_PAGE = 40
CASES_PER_PAGE = 50
RUNS_TO_CHOOSE = 200


def ratings(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the rounds of a record; a POST opens a new one."""
    decision = get_record(request, reference)
    form = RoundForm(_finished(decision), _people(decision), posted(request))
    if request.method == "POST":
        ensure("measure", decision, person(request))
    if form.is_valid():
        found = open_round(*form.chosen, by=person(request), **form.asked)
        return done(request, found, _("%(round)s is open.") % {"round": found})
    rounds = RatingRound.objects.filter(decision=decision).select_related("opened_by")
    context = {
        "form": form,
        "measure_refusal": refusal("measure", decision, person(request)),
        "page_obj": page_of(request, rounds, ROUNDS_PER_PAGE),
    }
    return page(request, "evaluations/ratings.html", decision, status_of(form), **context)


@require_safe
def rating(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a round: who has rated how much; once it is closed, whose answers won."""
    found, decision = _round(request, pk)
    if request.GET.get("part") == "judges" and wants_fragment(request) and found.is_closed:
        return _judges(request, found, decision)
    return _shown(request, found, decision, JudgeForm(found))


@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a model asked about the pairs of a closed round."""
    found, decision = _round(request, pk)
    ensure("measure", decision, person(request))
    form = JudgeForm(found, posted(request))
    if form.is_valid():
        row = request_judging(found, form.spec, by=person(request))
        return done(request, found, _("%(judge)s is asked.") % {"judge": row})
    return _shown(request, found, decision, form)


def _judges(request: HttpRequest, found: RatingRound, decision: Decision) -> HttpResponse:
    """Answer a poll: how far the judges are; say so when none is asked any more."""
    context = {"round": found} | _judged(found)
    response = page(request, "evaluations/rating.html#judges", decision, **context)
    if not context["judging"]:
        told = {"announce": _("The model has been asked about every pair, or stopped.")}
        response["HX-Trigger"] = json.dumps(told)
    return response


def _judged(found: RatingRound) -> dict[str, Any]:
    judges = judges_of(found)
    return {"judges": judges, "judging": any(one.row.is_open for one in judges)}


def _shown(
    request: HttpRequest, found: RatingRound, decision: Decision, form: JudgeForm
) -> HttpResponse:
    """Answer with the page of a round."""
    done_by = progress(found)
    context: dict[str, Any] = {
        "round": found,
        "progress": done_by,
        "my_done": next((n for one, n in done_by if one.user_id == person(request).pk), 0),
        "size": found.cases.count(),
        "not_drawn": not_drawn(found.equal_pairs, found.asked_again),
        "mine": _mine(found, person(request)),
        "rate_refusal": refusal("comment", decision, person(request)),
        "measure_refusal": refusal("measure", decision, person(request)),
    }
    if found.is_closed:
        context |= _unblinded(request, found) | _judged(found) | {"form": form}
    return page(request, "evaluations/rating.html", decision, status_of(form), **context)


@never_cache
def rate(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a rater the next two answers without names; a POST keeps the choice."""
    found, decision = _round(request, pk)
    rater = _rater(request, found)
    form = RatingForm(posted(request))
    if form.is_valid():
        told = form.cleaned_data
        choice, comment = told["choice"], told["comment"]
        if not keep_rating(rater, told["place"], choice, by=person(request), comment=comment):
            messages.info(request, _("You had rated that case already: your first choice stands."))
        return redirect("evaluations:rate", pk=found.pk)
    question = next_question(rater) if found.is_open else None
    if question is None or not _reads_cases(found, person(request)):
        return redirect(found)
    return page(
        request, "evaluations/rate.html", decision, status_of(form), **_asked(found, question, form)
    )


@require_POST
def end_rating(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """Close a round, or cancel it."""
    found, _decision = _round(request, pk)
    if key == "close":
        close_round(found, by=person(request))
        return done(request, found, _("%(round)s is closed.") % {"round": found})
    if key == "cancel":
        cancel_round(found, by=person(request))
        return done(request, found, _("%(round)s is cancelled.") % {"round": found})
    raise Http404


def _round(request: HttpRequest, pk: int) -> tuple[RatingRound, Decision]:
    """Return a round and its record, if the person may read that; raise 404."""
    visible = RatingRound.objects.visible_to(person(request))
    related = ("decision", "first__candidate", "first__case_set", "second__candidate", "opened_by")
    found = get_object_or_404(visible.select_related(*related), pk=pk)
    return found, get_record(request, found.decision.reference)


def _finished(decision: Decision) -> list[Run]:
    """Return the record's finished runs that have cases, newest first."""
    runs = Run.objects.of(decision).filter(state=RunState.FINISHED, case_set__isnull=False)
    return list(runs.select_related("candidate__decision", "case_set")[:RUNS_TO_CHOOSE])


def _people(decision: Decision) -> list[User]:
    """Return everyone who takes part: the owner and who has a role, each once."""
    people = [decision.owner, *(one.user for one in decision.participants.all())]
    return list(dict.fromkeys(people))


def _mine(found: RatingRound, user: User) -> Rater | None:
    return found.raters.filter(user=user).first()


def _rater(request: HttpRequest, found: RatingRound) -> Rater:
    """Return whom the person rates as in a round; raise 404 if they were not asked."""
    mine = _mine(found, person(request))
    if mine is None:
        raise Http404
    mine.round = found
    return mine


def _reads_cases(found: RatingRound, user: User) -> bool:
    return found.first.case_set.is_visible_to(user)


def _asked(found: RatingRound, question: Question, form: RatingForm) -> dict[str, Any]:
    """Return what the page of a question shows: nothing that tells whose answer it is."""
    names = found.first.case_set.label_names()
    return {
        "round": found,
        "form": form,
        "question": question,
        "case": question.rated.case,
        "left": names.get(question.left, question.left),
        "right": names.get(question.right, question.right),
        "choices": list(enumerate(Choice.choices, start=1)),
    }


@dataclass(frozen=True)
class Line:
    """A case of a closed round: both answers, what everyone chose, and what that comes to."""

    rated: RatedCase
    ratings: list[Rating]

    @property
    def winner(self) -> str:
        """Return whom more than half prefer: "first", "second", "neither"; "" if nobody rated."""
        given = [one.verdict for one in self.ratings]
        return winner(given) if given else ""


def _unblinded(request: HttpRequest, found: RatingRound) -> dict[str, Any]:
    """Return what a closed round shows to all who read the record."""
    result = outcome(found)
    reads = _reads_cases(found, person(request))
    cases = found.cases.select_related("case").prefetch_related("ratings__rater__user")
    rows = page_of(request, cases if reads else cases.none(), CASES_PER_PAGE)
    return {
        "result": result,
        "sentences": in_words(found, result),
        "reads_cases": reads,
        "page_obj": rows,
        "lines": [Line(one, list(one.ratings.all())) for one in rows.object_list],
        "names": found.first.case_set.label_names(),
    }
