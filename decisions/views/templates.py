"""Record templates: everyone may look, administrators change them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.actions import templates as actions
from decisions.forms.templates import NewTemplateForm, TemplateForm
from decisions.models import Decision, RecordTemplate
from decisions.policy_words import policy_in_words
from decisions.template_plan import by_chapter, goal_in_words
from decisions.views.shared import done, person, posted, status_of


@require_safe
def templates(request: HttpRequest) -> HttpResponse:
    """Show what a new record can start from, those no longer offered last."""
    context = {
        "templates": RecordTemplate.objects.order_by("is_retired", "pk"),
        "may_change": actions.refusal(person(request)) is None,
    }
    return render(request, "record_templates/list.html", context)


@require_safe
def template(request: HttpRequest, key: str) -> HttpResponse:
    """Show one template: its parts, its goals, and who signs."""
    row = get_object_or_404(RecordTemplate, key=key)
    context = {
        "template": row,
        "chapters": by_chapter(row.parts),
        "goals": [goal_in_words(goal) for goal in row.goals],
        "rules": policy_in_words(row.signing_policy),
        "used": Decision.objects.visible_to(person(request)).filter(template=row).count(),
        "may_change": actions.refusal(person(request)) is None,
    }
    return render(request, "record_templates/template.html", context)


def new_template(request: HttpRequest) -> HttpResponse:
    """Add a template as a copy of another."""
    actions.ensure(person(request))
    known = {"source": request.GET.get("from", "")}
    form = NewTemplateForm(posted(request), initial=known)
    if form.is_valid():
        row = actions.copy_template(
            form.cleaned_data["source"], by=person(request), title=form.cleaned_data["title"]
        )
        told = _("“%(title)s” is on offer.") % {"title": row}
        return done(request, row, told)
    return render(request, "record_templates/new.html", {"form": form}, status=status_of(form))


def edit_template(request: HttpRequest, key: str) -> HttpResponse:
    """Change a template; what somebody else saved meanwhile is shown beside what was typed."""
    row = get_object_or_404(RecordTemplate, key=key)
    actions.ensure(person(request))
    form = TemplateForm(row, posted(request))
    if form.is_valid():
        token = form.cleaned_data["token"]
        actions.edit_template(row, by=person(request), token=token, plan=form.plan)
        told = _("The template is saved. Records that are under way keep their parts and goals.")
        return done(request, row, told)
    status = 409 if form.is_outdated else status_of(form)
    context = {"form": form, "template": row}
    return render(request, "record_templates/edit.html", context, status=status)


@require_POST
def offer_template(request: HttpRequest, key: str) -> HttpResponse:
    """Offer a template for new records, or no longer."""
    row = get_object_or_404(RecordTemplate, key=key)
    is_offered = request.POST.get("offered") == "1"
    actions.offer_template(row, by=person(request), is_offered=is_offered)
    told = _("It is offered for new decisions.") if is_offered else _("It is no longer offered.")
    return done(request, row, told)
