"""What the page of a run shows while the run prepares: how far what is learned once has come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from decisions.numbers import format_count
from evaluations.actions import learning_keys
from evaluations.candidate_specs import technique_of
from evaluations.models import Preparation, Run
from evaluations.techniques.tuned_models import WHOLE

# How a provider calls the stages of a job, in words.
STAGES = {
    "validating_files": gettext_lazy("its training file is being checked"),
    "queued": gettext_lazy("it waits in the provider's queue"),
    "running": gettext_lazy("it is running"),
    "paused": gettext_lazy("it is paused at the provider"),
}


@dataclass(frozen=True)
class PreparingStep:
    """Something that is being learned: how it stands, since when, and when that was last seen."""

    name: str
    sentence: str
    begun_at: datetime | None = None
    seen_at: datetime | None = None


def steps_of(run: Run) -> list[PreparingStep]:
    """Return how far the preparation of a run that works or waits is; [] where nothing is known."""
    technique = technique_of(run.spec)
    learns = technique is not None and (technique.learn or technique.recall)
    if not learns or not run.is_open or run.prepared_at:
        return []
    found = Preparation.objects.filter(key__in=learning_keys(run), learned__isnull=True)
    return [step for one in found for step in steps_in(one.state, run.spec)]


def steps_in(state: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[PreparingStep]:
    """Yield what a kept state of learning says."""
    for name, job in state.get("jobs", {}).items():
        if job:
            yield _of_job(name, job)
    if "standing" in state:
        yield _of_search(state, spec)
    elif "curve" in state:
        yield _of_curve(state["curve"])
    if "after" in state:
        asked = len(state["after"])
        sentence = ngettext(
            "%(n)s case has been asked of both models.",
            "%(n)s cases have been asked of both models.",
            asked,
        )
        yield PreparingStep(_("Forgetting check"), sentence % {"n": format_count(asked)})


def _of_job(name: str, job: Mapping[str, Any]) -> PreparingStep:
    """Return how a provider's tuning job stands."""
    seen = job.get("seen", {})
    title = _("Tuning") if name == WHOLE else _("Tuning on %(n)s examples") % {"n": name}
    if "done" in job or "job" not in job:
        return PreparingStep(title, _before_or_after(job))
    told = {"job": job["job"], "stage": STAGES.get(seen.get("stage", ""), seen.get("stage", ""))}
    return PreparingStep(
        title,
        _("Job %(job)s: %(stage)s.") % told if seen else _("Job %(job)s has been begun.") % told,
        datetime.fromtimestamp(seen["begun"], UTC) if seen.get("begun") else None,
        datetime.fromisoformat(seen["at"]) if seen else None,
    )


def _before_or_after(job: Mapping[str, Any]) -> str:
    """Return how a job stands that is not begun yet, or done."""
    if "done" in job:
        return _("Job %(job)s is done.") % {"job": job["done"]["tuning_job"]}
    if "file" in job:
        return _("The training file is at the provider; the job is being asked for.")
    return _("The training file is being handed in.")


def _of_search(state: Mapping[str, Any], spec: Mapping[str, Any]) -> PreparingStep:
    """Return how far the search for a prompt is; it is kept after every round."""
    told = {
        "round": len(state["curve"]),
        "left": len(state["standing"]),
        "cases": format_count(state["seen"]),
        "requests": format_count(state["usage"]["requests"]),
        "most": format_count(spec["requests"]),
    }
    sentence = _(
        "Round %(round)s is over: %(left)s of the prompts are left, compared on %(cases)s "
        "development cases with %(requests)s of at most %(most)s requests."
    )
    return PreparingStep(_("Search for the best prompt"), sentence % told)


def _of_curve(curve: list[Mapping[str, Any]]) -> PreparingStep:
    told = {"n": len(curve), "examples": format_count(curve[-1]["examples"] if curve else 0)}
    sentence = ngettext(
        "%(n)s training size has been measured, up to %(examples)s examples.",
        "%(n)s training sizes have been measured, up to %(examples)s examples.",
        len(curve),
    )
    return PreparingStep(_("Learning curve"), sentence % told)
