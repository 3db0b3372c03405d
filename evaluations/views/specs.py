"""How a candidate is run: choosing its technique and its settings."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from decisions.actions.rows import edit_candidate
from decisions.policies import ensure
from decisions.views.shared import done, get_record, page, person, posted, status_of
from evaluations.candidate_specs import chosen_technique, families, tuned_models
from evaluations.forms import SpecForm


def spec(request: HttpRequest, reference: str, letter: str) -> HttpResponse:
    """Show the form of the candidate's technique, or of the one the address names; save it."""
    decision = get_record(request, reference)
    ensure("edit_candidate", decision, person(request))
    candidate = get_object_or_404(decision.candidates, letter=letter)
    candidate.decision = decision
    context: dict[str, Any] = {"candidate": candidate, "families": families(candidate.approach)}
    technique = chosen_technique(candidate, request.GET.get("technique", ""))
    if technique is None:
        return page(request, "evaluations/spec.html", decision, **context)
    tuned = tuned_models(person(request))
    form = SpecForm(technique, candidate, posted(request), tuned=tuned)
    if form.is_valid():
        by, token = person(request), candidate.token
        edit_candidate(candidate, by=by, token=token, spec=form.spec)
        message = _("How %(candidate)s is run is saved.") % {"candidate": candidate}
        return done(request, reverse("decisions:candidates", args=[reference]), message)
    status = 409 if form.is_conflict else status_of(form)
    context |= {"technique": technique, "form": form}
    return page(request, "evaluations/spec.html", decision, status, **context)
