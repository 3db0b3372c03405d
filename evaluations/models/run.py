"""One candidate measured on one case set, and its result on each case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from decisions import clock
from decisions.metrics import METRICS
from decisions.models import Candidate, Decision, User
from decisions.numbers import format_figure
from evaluations.models.case_set import Case, CaseSet, Split


class RunState(models.TextChoices):
    """How far a run has come."""

    REQUESTED = "requested", _("Waiting for a worker")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class RunSource(models.TextChoices):
    """Who measured."""

    MEASURED = "measured", _("Measured here")
    IMPORTED = "imported", _("Measured by another tool")


class ResultState(models.TextChoices):
    """How far the work on one case has come."""

    PENDING = "pending", _("Waiting")
    CLAIMED = "claimed", _("Being answered")
    DONE = "done", _("Answered")
    FAILED = "failed", _("Failed")


WORKING_RUNS = [RunState.REQUESTED, RunState.RUNNING]
OPEN_RUNS = [*WORKING_RUNS, RunState.PAUSED]
STOPPED_RUNS = [RunState.CANCELLED, RunState.FAILED]
OPEN_RESULTS = [ResultState.PENDING, ResultState.CLAIMED]
MOST_REPEATS = 20
MOST_AT_ONCE = 256
PACE_OVER = 200  # answers whose pace stands for the rest


@dataclass(frozen=True)
class Progress:
    """Where a run stands: answers so far (of them failed) of a total, and how it goes on.

    `rate` is in answers a second, `cost` in US dollars: None where no answer says what it cost.
    """

    answered: int
    failed: int
    total: int
    left: timedelta | None = None
    rate: float | None = None
    cost: Decimal | None = None

    @property
    def percent(self) -> int:
        """Return the share of the cases that are answered, rounded down."""
        return 100 * self.answered // self.total if self.total else 0


class RunQuerySet(models.QuerySet["Run"]):
    """Finds runs."""

    def visible_to(self, user: User) -> RunQuerySet:
        """Return the runs of the records that `user` may read."""
        return self.filter(candidate__decision__in=Decision.objects.visible_to(user))

    def of(self, decision: Decision) -> RunQuerySet:
        """Return the runs of a record's candidates."""
        return self.filter(candidate__decision=decision)

    def open(self) -> RunQuerySet:
        """Return those that have not ended: they work, wait or are paused."""
        return self.filter(state__in=OPEN_RUNS)

    def working(self) -> RunQuerySet:
        """Return those whose cases may be claimed."""
        return self.filter(state__in=WORKING_RUNS)

    def all_answered(self) -> RunQuerySet:
        """Return those without a case that waits or is being answered."""
        return self.filter(~Exists(Result.objects.unanswered().filter(run=OuterRef("pk"))))

    def lacking_workers(self, since: datetime) -> RunQuerySet:
        """Return the runs that nobody works on and that nobody was woken for since then."""
        alive = Result.objects.filter(
            run=OuterRef("pk"), state=ResultState.CLAIMED, lease_until__gt=clock.now()
        )
        unheard = Q(woken_at__isnull=True) | Q(woken_at__lte=since)
        return self.working().filter(unheard).filter(~Exists(alive))


AnyRun = models.Manager.from_queryset(RunQuerySet)


class RunManager(AnyRun):
    """Finds the runs that are whole; those that are still being brought in are nobody's yet."""

    def get_queryset(self) -> RunQuerySet:  # type: ignore[override]
        """Leave out what is not ready."""
        return RunQuerySet(self.model, using=self._db).filter(is_ready=True)


class Run(models.Model):
    """One candidate, as its spec stood when asked for, on the test split of one case set.

    What another tool has measured is a run, too: it came in whole, and has ended.
    """

    State = RunState

    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="runs")
    # Empty only where another tool's figures came in without cases; whoever measures has one.
    case_set: models.ForeignKey[CaseSet | None, CaseSet] = models.ForeignKey(  # type: ignore[misc]
        CaseSet, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    split = models.CharField(_("split"), max_length=10, choices=Split.choices, default=Split.TEST)
    # The whole spec with its defaults filled in; its digest includes the technique's version.
    spec = models.JSONField(_("spec"))
    spec_digest = models.CharField(max_length=64)
    # The main scorer's identity, which figures must share to be compared; then what all scorers
    # are, the main one first: {"key", "settings"} each, every setting filled in.
    scorer = models.CharField(_("scorer"), max_length=60)
    scorers = models.JSONField(_("scorers"), default=list, blank=True)
    seed = models.BigIntegerField(_("seed"), default=0)
    # Whether the figures go to the record as soon as they are there.
    attaches = models.BooleanField(_("attached when finished"), default=True)
    # How often every case is answered, and how many answers may be under way at once, over all
    # workers; what computes here answers one after the other all the same.
    repeats = models.PositiveSmallIntegerField(_("repeats"), default=1)
    concurrency = models.PositiveSmallIntegerField(_("at once"), default=8)
    state = models.CharField(
        _("state"), max_length=10, choices=RunState.choices, default=RunState.REQUESTED
    )
    case_count = models.PositiveIntegerField(_("cases"))
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    paused_because = models.TextField(_("why it is paused"), blank=True)
    # When workers were last told of it: empty while the queue cannot be reached.
    woken_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    # When nobody worked on it, being paused or ended: [from, until] each as ISO text; and since
    # when it rests now, until a worker goes on.
    rests = models.JSONField(default=list, blank=True)
    rests_since = models.DateTimeField(null=True, blank=True)
    prepared_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    attached_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(_("why it failed"), blank=True)
    # What became of the figures: attached to the record, or why they were not.
    outcome = models.TextField(_("what became of it"), blank=True)
    environment = models.JSONField(default=dict)
    artefact = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    results_digest = models.CharField(max_length=64, blank=True)
    # What may be spent at model servers: requests, tokens (whole numbers) and money (US dollars,
    # as text), each only where there is a limit.
    budget = models.JSONField(_("budget"), default=dict, blank=True)
    # What each model cost when it was first asked, by "endpoint model"; null: nobody knew.
    prices = models.JSONField(default=dict, blank=True)
    spent_requests = models.PositiveBigIntegerField(default=0)
    spent_input_tokens = models.PositiveBigIntegerField(default=0)
    spent_output_tokens = models.PositiveBigIntegerField(default=0)
    spent_cost = models.DecimalField(max_digits=18, decimal_places=9, default=Decimal(0))
    # Answered requests whose cost nobody knows: what was spent is at least `spent_cost`.
    spent_unpriced = models.PositiveBigIntegerField(default=0)
    source = models.CharField(
        _("source"), max_length=10, choices=RunSource.choices, default=RunSource.MEASURED
    )
    # What the other tool's file says of an imported run: see `evaluations.bringing`.
    told = models.JSONField(default=dict, blank=True)
    brought_in_by = models.ForeignKey(
        "evaluations.Import", null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    # An imported run is written in many short transactions; until the last one nobody sees it.
    is_ready = models.BooleanField(default=True, editable=False)

    objects = RunManager()
    everything = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "woken_at"], name="run_open")]
        constraints = [
            models.UniqueConstraint(
                fields=["candidate", "case_set", "seed"],
                condition=Q(state__in=OPEN_RUNS),
                name="run_open_once",
            ),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
            models.CheckConstraint(
                condition=Q(repeats__range=(1, MOST_REPEATS)), name="run_repeats_in_range"
            ),
            models.CheckConstraint(
                condition=Q(concurrency__range=(1, MOST_AT_ONCE)), name="run_at_once_in_range"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_RUNS, finished_at__isnull=True)
                | (~Q(state__in=OPEN_RUNS) & Q(finished_at__isnull=False)),
                name="run_ended_has_finished_at",
            ),
            models.CheckConstraint(condition=Q(spent_cost__gte=0), name="run_cost_not_negative"),
            models.CheckConstraint(
                condition=Q(source__in=RunSource.values), name="run_source_known"
            ),
            models.CheckConstraint(
                condition=Q(source=RunSource.IMPORTED)
                | Q(case_set__isnull=False, is_ready=True, brought_in_by__isnull=True),
                name="run_measured_here_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(source=RunSource.MEASURED) | ~Q(state__in=OPEN_RUNS),
                name="run_imported_has_ended",
            ),
        ]

    def __str__(self) -> str:
        return _("Run %(number)s") % {"number": self.pk}

    def get_absolute_url(self) -> str:
        """Return the address of the run's page."""
        return reverse("evaluations:run", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Return whether it has not ended: it works, waits or is paused."""
        return self.state in OPEN_RUNS

    @property
    def is_working(self) -> bool:
        """Return whether workers may claim its cases."""
        return self.state in WORKING_RUNS

    @property
    def is_paused(self) -> bool:
        """Return whether it waits for somebody to let it go on."""
        return self.state == RunState.PAUSED

    @property
    def is_stopped(self) -> bool:
        """Return whether it ended before its figures: somebody cancelled it, or it failed."""
        return self.state in STOPPED_RUNS and not self.is_imported

    @property
    def is_imported(self) -> bool:
        """Return whether another tool measured it."""
        return self.source == RunSource.IMPORTED

    @property
    def answers_wanted(self) -> int:
        """Return the number of answers that make it complete: cases times repeats."""
        return self.case_count * self.repeats

    @property
    def is_unattached(self) -> bool:
        """Return whether it has figures that the record does not have."""
        return self.state == RunState.FINISHED and self.attached_at is None

    @property
    def is_unheard(self) -> bool:
        """Return whether no worker could be told of it yet, for longer than a moment."""
        waited = clock.now() - self.requested_at > timedelta(seconds=3)
        return self.state == RunState.REQUESTED and self.woken_at is None and waited

    @property
    def took(self) -> timedelta | None:
        """Return how long it was worked on from the first worker to the end, rests left out."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at - self.rested

    @property
    def rested(self) -> timedelta:
        """Return how long it rested between the first worker and the end."""
        first, last = self.started_at, self.finished_at
        if first is None or last is None:
            return timedelta()
        spans = [*self.rest_spans, (self.rests_since or last, last)]
        within = (min(until, last) - max(since, first) for since, until in spans)
        return sum((one for one in within if one > timedelta()), timedelta())

    @property
    def rest_spans(self) -> list[tuple[datetime, datetime]]:
        """Return from when until when nobody worked on it, before it went on again."""
        return [
            (datetime.fromisoformat(since), datetime.fromisoformat(until))
            for since, until in self.rests
        ]

    def figures(self) -> list[tuple[str, str]]:
        """Return (metric's name, value with interval and n) of the figures."""
        known = ((metric, self.metrics.get(key)) for key, metric in METRICS.items())
        return [(str(metric.name), _told(figure)) for metric, figure in known if figure]

    def headline(self, metric: str) -> list[tuple[str, str]]:
        """Return the figure of its main scorer alone: `metric`, or another tool's own score."""
        score = self.told.get("main", "")
        if of_score := self.metrics.get("scores", {}).get(score):
            return [(score, _told(of_score))]
        if metric in METRICS and (found := self.metrics.get(metric)):
            return [(str(METRICS[metric].name), _told(found))]
        return self.figures()[:1]

    def progress(self) -> Progress:
        """Count what is answered; the time left follows from the pace of the last answers."""
        return progress_of([self])[self.pk]

    @property
    def begun_at(self) -> datetime:
        """Return since when it has gone on without a rest: from when workers were last told."""
        return max(one for one in (self.woken_at, self.prepared_at, self.requested_at) if one)

    def progress_from(self, counted: Mapping[str, Any]) -> Progress:
        """Return how far it is, given what `ResultQuerySet.counted` says of it."""
        answered, total = counted.get("answered", 0), self.answers_wanted
        pace = self._pace(counted) if self.is_working else None
        left = None if pace is None else pace * (total - answered)
        rate = 1 / pace.total_seconds() if pace else None
        cost = self._cost(counted.get("cost"))
        return Progress(answered, counted.get("failed", 0), total, left, rate, cost)

    def _cost(self, of_answers: Decimal | None) -> Decimal | None:
        """Return what was paid at servers so far, all of it; None where nobody knows any price."""
        return (self.spent_cost or None) if self.spent_requests else of_answers

    def _pace(self, counted: Mapping[str, Any]) -> timedelta | None:
        """Return the time that one of the last answers took, None before there are two.

        Counted from when workers were last told of the run, so that a rest is none of it, and up to
        now: two answers written together say little of the pace.
        """
        recent: int = counted.get("recent", 0)
        if recent < 2:
            return None
        since: datetime = self.begun_at if recent < PACE_OVER else counted["paced_from"]
        return (clock.now() - since) / min(recent, PACE_OVER)

    def first_errors(self, most: int = 3) -> list[tuple[str, int]]:
        """Return the commonest errors and how many cases got each, commonest first."""
        failed = self.results.filter(state=ResultState.FAILED).order_by()
        counted = failed.values_list("error").annotate(n=Count("pk")).order_by("-n", "error")
        return list(counted[:most])


def _told(figure: dict[str, Any]) -> str:
    """Return a figure as it stands in a sentence."""
    return format_figure(
        figure["value"],
        figure.get("low"),
        figure.get("high"),
        figure["unit"],
        figure["n"],
        figure.get("interval_method", ""),
    )


def progress_of(runs: Iterable[Run]) -> dict[int, Progress]:
    """Return how far some runs are, by their keys; one query counts for all of them."""
    found = {run.pk: run for run in runs}
    counted = Result.objects.counted(found.values()) if found else {}
    return {pk: run.progress_from(counted.get(pk, {})) for pk, run in found.items()}


class ResultQuerySet(models.QuerySet["Result"]):
    """Finds results."""

    def counted(self, runs: Iterable[Run]) -> dict[int, dict[str, Any]]:
        """Return, by run, how many results are answered, failed, and what they cost.

        `recent` are those since the run goes on; `paced_from` is when the first of as many was
        answered as stand for the pace, None where there are fewer.
        """
        starts = {run.pk: run.begun_at for run in runs}
        is_recent = Q()
        for pk, start in starts.items():
            is_recent |= Q(run=pk, answered_at__gte=start)
        latest = self.filter(run=OuterRef("run"), answered_at__isnull=False)
        paced_from = latest.order_by("-answered_at").values("answered_at")
        answered = self.filter(run__in=starts).exclude(state__in=OPEN_RESULTS).order_by()
        rows = answered.values("run").annotate(
            answered=Count("pk"),
            failed=Count("pk", filter=Q(state=ResultState.FAILED)),
            cost=Sum("cost"),
            recent=Count("pk", filter=is_recent),
            paced_from=Subquery(paced_from[PACE_OVER - 1 : PACE_OVER]),
        )
        return {row["run"]: row for row in rows}

    def unanswered(self) -> ResultQuerySet:
        """Return those that wait or are being answered."""
        return self.filter(state__in=OPEN_RESULTS)

    def claimable(self, now: datetime) -> ResultQuerySet:
        """Return those that wait, and those whose worker's lease has run out."""
        lapsed = Q(state=ResultState.CLAIMED, lease_until__lte=now)
        return self.filter(Q(state=ResultState.PENDING) | lapsed)

    def errors_first(self) -> ResultQuerySet:
        """Return the failed and wrong ones first, each in the order of the cases."""
        return self.order_by(F("score").asc(nulls_last=True), "pk")

    def matching(self, text: str) -> ResultQuerySet:
        """Return those with this text in the case's input, expected answer, key or output."""
        return self.filter(
            Q(case__input__icontains=text)
            | Q(case__expected__icontains=text)
            | Q(case__key__iexact=text)
            | Q(output__icontains=text)
        )


class Result(models.Model):
    """What a run has to say of one case; made with the run, filled in by a worker."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="results")
    repeat = models.PositiveSmallIntegerField(_("repeat"), default=0)
    state = models.CharField(
        _("state"), max_length=10, choices=ResultState.choices, default=ResultState.PENDING
    )
    # The claim's token: a worker may write only while the row still carries its own.
    claimed_by = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Beside an error it stands where an answer was given that the main scorer's model, at fault
    # itself, did not judge.
    output = models.TextField(_("answer"), blank=True)
    # Of the main scorer; `correct` is empty where right and wrong don't apply, both where the
    # scorer doesn't. Then what every scorer gave: its key → 0 to 1, null where it doesn't apply.
    correct = models.BooleanField(_("correct"), null=True, blank=True)
    score = models.FloatField(_("score"), null=True, blank=True)
    scores = models.JSONField(_("scores"), default=dict, blank=True)
    latency_ms = models.FloatField(_("took"), null=True, blank=True)
    # The most answers that its worker had under way while it was given, itself included.
    at_once = models.PositiveSmallIntegerField(default=1)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    # In US dollars; empty where it is not known, which is not the same as nothing.
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    details = models.JSONField(default=dict)

    objects = ResultQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["run", "state"], name="result_by_state"),
            models.Index(fields=["run", "answered_at"], name="result_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "case", "repeat"], name="result_once_per_case"),
            models.CheckConstraint(
                condition=Q(state__in=ResultState.values), name="result_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_RESULTS, answered_at__isnull=True)
                | (~Q(state__in=OPEN_RESULTS) & Q(answered_at__isnull=False)),
                name="result_answered_at_with_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.case}"

    @property
    def is_failed(self) -> bool:
        """Return whether the case got no answer."""
        return self.state == ResultState.FAILED

    @property
    def is_answered(self) -> bool:
        """Return whether the work on the case is over."""
        return self.state not in OPEN_RESULTS

    def best_labels(self) -> list[dict[str, Any]]:
        """Return the labels the technique considered, best first, where it says so."""
        return list(self.details.get("labels", []))

    def matches(self) -> list[dict[str, Any]]:
        """Return the examples the technique found, where it says so."""
        return list(self.details.get("matches", []))
