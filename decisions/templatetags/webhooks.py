"""Small pieces of the webhooks' pages."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from decisions.models import Delivery, Dispatch
from decisions.templatetags.ui import icon
from decisions.webhooks.kinds import in_words

register = template.Library()

ICONS = {
    Dispatch.WAITING: "clock",
    Dispatch.SENDING: "arrow",
    Dispatch.SENT: "check",
    Dispatch.FAILED: "cross",
}


@register.filter
def dispatch(state: str) -> SafeString:
    """Return how far a delivery has come, as a symbol and a word."""
    said = Dispatch(state)
    return format_html(
        '<span class="dispatch dispatch-{}">{}{}</span>', said.value, icon(ICONS[said]), said.label
    )


@register.filter
def happened(delivery: Delivery) -> str:
    """Return what a delivery tells of, in words that give away nothing of a record."""
    return in_words(delivery.event.kind) if delivery.event else _("Test")


@register.filter
def last_answer(delivery: Delivery) -> str:
    """Return what came back of the newest attempt: a status or the reason there is none."""
    tries = list(delivery.tries.all())
    if not tries:
        return ""
    return str(tries[-1].status or tries[-1].error)
