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
    of: Run

    @property
    def told(self) -> list[tuple[Run, str]]:
        """Return each run with what sets it apart from the one that is looked at, "" for none."""
        return [(one, "; ".join(_apart(one, self.of))) for one in self.runs]

    @property
    def warning(self) -> str:
        """Return in a sentence that more than the seed may differ, "" where nothing is known to."""
        if not any(why for _run, why in self.told):
            return ""
        return _(
            "Not all of them were asked for together: what has changed meanwhile, such as a model "
            "server, is part of this spread."
        )

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
    """Return a finished run for every seed of this run's spec, itself included.

    They are the same candidate's on the same cases, scored in the same way, with the same spec but
    for the seed. Of several with a seed it is the one that was asked for together with this run,
    else the newest.
    """
    same = Run.objects.filter(
        candidate=run.candidate_id,
        case_set=run.case_set_id,
        split=run.split,
        scorer=run.scorer,
        state=RunState.FINISHED,
    )
    found: dict[int, Run] = {run.seed: run} if run.state == RunState.FINISHED else {}
    for one in sorted(same.order_by("-pk"), key=lambda one: bool(_apart(one, run))):
        if _without_seed(one) == _without_seed(run):
            found.setdefault(one.seed, one)
    return [found[seed] for seed in sorted(found)]


def _apart(one: Run, run: Run) -> list[str]:
    """Return in what a run with another seed was asked for otherwise than this one."""
    told = []
    if one.requested_at != run.requested_at:
        told.append(_("asked for at another time"))
    if one.repeats != run.repeats:
        told.append(_("answers per case: %(n)s") % {"n": one.repeats})
    if one.environment.get("models") != run.environment.get("models"):
        told.append(_("another model answered"))
    return told


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
    return [
        SeedSpread(metric, spread(values), runs, run) for metric, values in known if len(values) > 1
    ]
