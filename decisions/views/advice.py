"""The advisor's view of a record."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from decisions.advice_page import AdvicePage
from decisions.record_page import RecordPage
from decisions.views.shared import get_record, page, person


@require_safe
def advice(request: HttpRequest, reference: str) -> HttpResponse:
    """Show which rules speak for and against each way of adapting a model, and what is open."""
    decision = get_record(request, reference)
    if not decision.adapts_a_model:
        raise Http404
    view = AdvicePage(RecordPage(decision, person(request)))
    return page(request, "decisions/advice.html", decision, view=view)
