"""A model is asked about the pairs of a closed round: asked for, done by a worker, shown, attached.

Only once people have been heard: a verdict that is known before would be in their way.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from decisions import clock
from decisions.models import User
from decisions.numbers import format_count
from decisions.policies import BadInput, Refused, ensure, wrong_state
from evaluations import judge_agreement, judged_pairs
from evaluations.judged_pairs import JudgedPairs, in_words, judged, key_of, said_of
from evaluations.learning import SomeoneElseLearns
from evaluations.models import Endpoint, Judging, Preparation, RatedCase, RatingRound
from evaluations.scorers.rubric import RubricSpec
from evaluations.techniques import Halt, Interrupted, PrepareError

logger = logging.getLogger(__name__)

RELATED = (
    "requested_by",
    "round__decision",
    *(f"round__{one}__{what}" for one in ("first", "second") for what in ("candidate", "case_set")),
)
LOST_AFTER = timedelta(seconds=20)  # after which a worker is told again


def request_judging(found: RatingRound, spec: RubricSpec, *, by: User) -> Judging:
    """Have a model asked about a closed round's pairs; the same judge goes on where it stopped.

    Raises `Refused`, or `BadInput` for an endpoint that is not there.
    """
    ensure("measure", found.decision, by)
    if not found.is_closed:
        raise wrong_state(_("A model is asked only once the round is closed."))
    if not Endpoint.objects.usable().filter(slug=spec.endpoint).exists():
        told = {"endpoint": spec.endpoint}
        raise BadInput(_("There is no endpoint “%(endpoint)s”, or it is archived.") % told)
    values = {"spec": asdict(spec), "requested_by": by, "requested_at": clock.now()}
    again = {"ended_at": None, "error": "", "outcome": "", "woken_at": None}
    with transaction.atomic():
        row, _made = Judging.objects.update_or_create(
            round=found, key=key_of(pairs_of(found), spec), defaults=values | again
        )
        transaction.on_commit(lambda: wake(row.pk), robust=True)
    return row


def pairs_of(found: RatingRound) -> list[RatedCase]:
    """Return the pairs that people rated, always in the same order."""
    return list(found.cases.select_related("case").order_by("pk"))


def do_judging(judging_id: int) -> None:
    """Ask the model and attach what it says; a second call finds that done, or in hand."""
    open_ones = Judging.objects.filter(ended_at__isnull=True).select_related(*RELATED)
    row = open_ones.filter(pk=judging_id).first()
    if row is None:
        return None
    try:
        found = judged(pairs_of(row.round), RubricSpec(**row.spec))
    except (SomeoneElseLearns, Interrupted, SoftTimeLimitExceeded):
        return None  # the sweep asks again
    except (Halt, PrepareError) as why:
        return _end(row, error=str(why))
    except Exception:
        logger.exception("The judge %s of %s failed", row, row.round)
        return _end(row, error=_("Judging failed unexpectedly; the worker's log says where."))
    with transaction.atomic():
        if Judging.objects.select_for_update().filter(pk=row.pk, ended_at__isnull=True).exists():
            _end(row, outcome=_outcome(row, found))
    return None


def _outcome(row: Judging, found: JudgedPairs) -> str:
    """Attach what a judge says; return in a sentence what became of it."""
    asked = row.round
    try:
        with transaction.atomic():
            evidence = judged_pairs.attached(
                asked.first,
                asked.second,
                RubricSpec(**row.spec),
                pairs_of(asked),
                found,
                by=row.requested_by,
            )
    except BadInput as why:
        return str(why)
    except Refused as why:
        return _("Not attached to the record: %(why)s") % {"why": why}
    told = {"record": asked.decision.reference, "name": evidence.reference}
    return _("Attached to %(record)s as %(name)s.") % told


def _end(row: Judging, **told: str) -> None:
    """Note that nothing more is asked, and why."""
    Judging.objects.filter(pk=row.pk, ended_at__isnull=True).update(ended_at=clock.now(), **told)


def lost_judgings() -> list[int]:
    """Return what a worker should be told of again: its call, or who had it, may be gone."""
    quiet = Q(woken_at__isnull=True) | Q(woken_at__lt=clock.now() - LOST_AFTER)
    return list(Judging.objects.filter(quiet, ended_at__isnull=True).values_list("pk", flat=True))


def wake(judging_id: int) -> None:
    """Tell a worker that a model is to be asked."""
    from evaluations.tasks import judge_round

    judge_round.delay(judging_id)
    Judging.objects.filter(pk=judging_id).update(woken_at=clock.now())


# What is shown


@dataclass(frozen=True)
class Judge:
    """A model that judges a round, as the round's page shows it."""

    row: Judging
    pairs: Sequence[RatedCase]

    @cached_property
    def _told(self) -> Preparation | None:
        return Preparation.objects.filter(key=self.row.key).first()

    @property
    def done(self) -> int:
        """Return how many pairs it was asked about."""
        if self._told is None:
            return 0
        told = self._told.learned or self._told.state
        return len(told.get("verdicts", []))

    @cached_property
    def said(self) -> JudgedPairs | None:
        """Return what it says; None before it has said all."""
        if self.row.is_open or self._told is None or self._told.learned is None:
            return None
        return said_of(list(self.pairs), self._told.learned["verdicts"])

    @property
    def consistency(self) -> str:
        """Return on how many pairs it said the same in both orders."""
        if self.said is None:
            return ""
        n = len(self.said.choices)
        told = {"same": format_count(n - self.said.swayed), "n": format_count(n)}
        return _("%(same)s of %(n)s") % told

    @cached_property
    def agreement(self) -> judge_agreement.JudgeAgreement | None:
        """Return how far it agrees with the people who rated."""
        if self.said is None:
            return None
        asked = self.row.round
        return judge_agreement.on_pairs(asked.first, asked.second, self.said.choices)

    @property
    def sentences(self) -> list[str]:
        """Return what it says in words, and how far to trust it."""
        if self.said is None:
            return []
        asked = self.row.round
        return in_words(asked.first, asked.second, RubricSpec(**self.row.spec), self.said)


def judges_of(found: RatingRound) -> list[Judge]:
    """Return the models that judge a closed round, in the order in which they were asked."""
    rows = list(found.judgings.all())
    pairs = pairs_of(found) if rows else []
    for row in rows:
        row.round = found
    return [Judge(row, pairs) for row in rows]
