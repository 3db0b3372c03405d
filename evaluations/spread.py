"""How far the figures of runs lie apart that differ in nothing but their seed."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from decisions.metrics import METRICS
from decisions.numbers import format_count, format_number
from evaluations.models import Run, RunState
from evaluations.statistics import Spread, spread

SPREAD_OVER = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class SeedSpread:
    """One figure of a candidate over several seeds, in percent, and the runs it comes from."""

    metric: str
    spread: Spread
    runs: tuple[Run, ...]

    @property
    def in_words(self) -> str:
        """Return the spread as a sentence."""
        found = self.spread
        told = {
            "metric": METRICS[self.metric].name,
            "n": format_count(found.n),
            "low": format_number(found.low, 1),
            "high": format_number(found.high, 1),
            "mean": format_number(found.mean, 1),
            "sd": format_number(found.sd or 0.0, 1),
        }
        return (
            _(
                "%(metric)s over %(n)s seeds: %(low)s to %(high)s %%, mean %(mean)s, standard "
                "deviation %(sd)s points. It tells of these seeds, not of other cases."
            )
            % told
        )


def twins(run: Run) -> list[Run]:
    """Return the newest finished run for every seed of this run's spec, itself included.

    They are the same candidate's on the same cases, scored in the same way, with the same spec but
    for the seed.
    """
    same = Run.objects.filter(
        candidate=run.candidate_id,
        case_set=run.case_set_id,
        split=run.split,
        scorer=run.scorer,
        state=RunState.FINISHED,
    )
    found: dict[int, Run] = {run.seed: run} if run.state == RunState.FINISHED else {}
    for one in same.order_by("-pk"):
        if _without_seed(one) == _without_seed(run):
            found.setdefault(one.seed, one)
    return [found[seed] for seed in sorted(found)]


def _without_seed(run: Run) -> dict[str, object]:
    """Return the spec without its seed."""
    return {name: value for name, value in run.spec.items() if name != "seed"}


def spread_over_seeds(run: Run) -> list[SeedSpread]:
    """Return the spread of each figure over the seeds; nothing where there is only one seed."""
    runs = tuple(twins(run))
    known = [
        (metric, [one.metrics[metric]["value"] for one in runs if metric in one.metrics])
        for metric in SPREAD_OVER
    ]
    return [SeedSpread(metric, spread(values), runs) for metric, values in known if len(values) > 1]
