"""What the page of a run says of tuning: facts, and the forgetting check."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.metrics import METRICS
from decisions.numbers import format_count, format_number, format_value
from evaluations.comparison import Comparison


@dataclass(frozen=True)
class Forgetting:
    """The check in sentences; `cells` are before, after and difference, none without a probe."""

    sentence: str
    note: str = ""
    cells: tuple[str, ...] = ()
    is_loss: bool = False


def forgetting_of(artefact: Mapping[str, Any]) -> Forgetting | None:
    """Return what a run's artefact says of forgetting, None where it says nothing."""
    if artefact.get("frozen"):
        return Forgetting(
            _("Nothing can have been forgotten."),
            _("The encoder (%(digest)s…) stays as it was; only a layer was put on top of it.")
            % {"digest": str(artefact.get("encoder_digest", ""))[:8]},
        )
    told = artefact.get("forgetting")
    return _checked(told) if told else None


def _checked(told: Mapping[str, Any]) -> Forgetting:
    names = ("difference", "low", "high", "n", "method", "p", "confidence")
    found = Comparison(
        **{name: told[name] for name in names}, first=told["after"], second=told["before"]
    )
    note = _("Asked: %(probe)s. %(metric)s; %(method)s; p = %(p)s.") % {
        "probe": told["probe"],
        "metric": METRICS[told.get("metric", "accuracy")].name,
        "method": found.method,
        "p": format_number(round(found.p, 4)),
    }
    before, after, difference = (
        format_value(100 * value, unit="%")
        for value in (found.second, found.first, found.difference)
    )
    return Forgetting(
        _begun_large(found.in_words(_("the tuned model"), _("the base model"))),
        " ".join(part for part in (_unasked(told), note) if part),
        (before, after, difference.replace("%", _("points"))),
        found.decisive and found.difference < 0,
    )


def _unasked(told: Mapping[str, Any]) -> str:
    """Return how many cases either model could not be asked, in a sentence; "" where none."""
    before, after = told.get("before_failed", 0), told.get("after_failed", 0)
    if not before and not after:
        return ""
    counts = {"before": before, "after": after, "n": told["asked"]}
    return (
        _(
            "Could not be asked: %(before)s of %(n)s before tuning, %(after)s of %(n)s after; they "
            "are left out."
        )
        % counts
    )


def _begun_large(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def tuning_facts(artefact: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (name, value) of how a model came to be tuned; a price nobody knows is said to be."""
    if not artefact.keys() & {"training_cost", "training_seconds"}:
        return []
    seconds = artefact.get("training_seconds")
    tokens = artefact.get("trained_tokens")
    facts = [
        (_("Tuned model"), artefact.get("model")),
        (_("Base model"), artefact.get("base_model")),
        (_("Tuned by"), artefact.get("tuned_by")),
        (_("Tuned when"), artefact.get("tuned_when")),
        (_("Provider's job"), artefact.get("tuning_job")),
        (_("Trained tokens"), format_count(tokens) if tokens is not None else ""),
        (_("Tuning took"), f"{format_value(seconds)} s" if seconds is not None else ""),
        (_("Cost of tuning"), _cost(artefact)),
        (_("Checks"), _findings(artefact.get("training_findings") or {})),
        (_("Source"), _("As a person told it; not seen here.") if artefact.get("as_told") else ""),
    ]
    return [(name, str(value)) for name, value in facts if value]


def _cost(artefact: Mapping[str, Any]) -> str:
    """Return what tuning cost, and how that is known; a price nobody knows is not nothing."""
    if "training_cost" not in artefact:
        return _("this machine's time alone")
    if artefact["training_cost"] is None:
        return _("cost unknown")
    told = {"cost": format_number(float(artefact["training_cost"]))}
    if artefact.get("as_told"):
        return _("%(cost)s US dollars, as a person told it") % told
    return _("%(cost)s US dollars, at the price that a person entered") % told


def _findings(found: Mapping[str, int]) -> str:
    """Return what the checks of the training examples found, in words."""
    count = found.get
    told = {
        "duplicates": ngettext(
            "%(n)s duplicate left out", "%(n)s duplicates left out", count("duplicates", 0)
        ),
        "contradictions": ngettext(
            "%(n)s question with two answers",
            "%(n)s questions with two answers",
            count("contradictions", 0),
        ),
        "labels_without_example": ngettext(
            "%(n)s label without example",
            "%(n)s labels without example",
            count("labels_without_example", 0),
        ),
    }
    return ", ".join(told[name] % {"n": n} for name, n in found.items() if name in told)
