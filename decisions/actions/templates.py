"""The only writers of record templates. What a record took from one is never touched again."""

from http import HTTPStatus

from django.db import transaction
from django.db.models import F
from django.utils.text import slugify
from django.utils.translation import gettext as _

from decisions.models import RecordTemplate, User
from decisions.policies import BadInput, Refusal, Refused, wrong_state
from decisions.template_plan import Plan, plan_of

# Addresses that a template's key must not take.
RESERVED = {"new"}


def refusal(user: User) -> Refusal | None:
    """Return why a person may not change templates, or None if they may."""
    if user.is_staff:
        return None
    sentence = _("Only administrators can change record templates.")
    return Refusal(sentence, HTTPStatus.FORBIDDEN)


def ensure(user: User) -> None:
    """Raise `Refused` if a person may not change templates."""
    if refused := refusal(user):
        raise Refused(refused)


@transaction.atomic
def copy_template(source: RecordTemplate, *, by: User, title: str) -> RecordTemplate:
    """Return a new template that starts as a copy of another; `BadInput` without a new title."""
    ensure(by)
    if not title.strip():
        raise BadInput(_("Give the template a title."))
    # Everyone who adds a template locks the same row, so that no two take one key or title.
    RecordTemplate.objects.select_for_update(no_key=True).order_by("pk").first()
    _refuse_same_title(title, None)
    values = plan_of(source).row | {"title": title}
    return RecordTemplate.objects.create(key=_free_key(title), **values)


@transaction.atomic
def edit_template(template: RecordTemplate, *, by: User, token: int, plan: Plan) -> None:
    """Change a template from the version with this `token`.

    Raises `BadInput` with everything that makes no sense, and `Refused` if someone else saved it
    meanwhile. Records that were opened from it keep their parts and goals; those in review or
    beyond keep their policy too.
    """
    ensure(by)
    if problems := plan.problems:
        raise BadInput(" ".join(problems))
    RecordTemplate.objects.select_for_update(no_key=True).order_by("pk").first()
    fresh = RecordTemplate.objects.get(pk=template.pk)
    if plan.row != plan_of(fresh).row:
        _refuse_same_title(plan.title, template)
        if fresh.token != token:
            raise wrong_state(_("Someone else has changed this template meanwhile."))
        RecordTemplate.objects.filter(pk=template.pk).update(**plan.row, token=F("token") + 1)
    template.refresh_from_db()


@transaction.atomic
def offer_template(template: RecordTemplate, *, by: User, is_offered: bool) -> None:
    """Offer a template for new records, or no longer; raises `Refused` for the last one."""
    ensure(by)
    RecordTemplate.objects.select_for_update(no_key=True).order_by("pk").first()
    others = RecordTemplate.objects.filter(is_retired=False).exclude(pk=template.pk)
    if not is_offered and not others.exists():
        raise wrong_state(_("This is the last template on offer: offer another one first."))
    RecordTemplate.objects.filter(pk=template.pk).update(is_retired=not is_offered)
    template.refresh_from_db()


def _refuse_same_title(title: str, template: RecordTemplate | None) -> None:
    """Raise `Refused` if another template is called so."""
    namesake = RecordTemplate.objects.filter(title__iexact=title).first()
    if namesake and namesake != template:
        raise wrong_state(_("Another template has this title already."))


def _free_key(title: str) -> str:
    """Return an address for a title that no template has yet."""
    base = slugify(title)[:40] or "template"
    taken = RESERVED | set(RecordTemplate.objects.values_list("key", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (base, *numbered) if one not in taken)
