"""How records stand to each other: amending, related; and starting a successor."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.base import change, locked
from decisions.actions.records import A_MOMENT, invite, open_decision
from decisions.models import Decision, DecisionLink, Relation, Status, User
from decisions.policies import Refusal, Refused, refusal, wrong_state


def amend(decision: Decision, *, by: User, amendment: Decision) -> DecisionLink:
    """Say that another approved record amends this one; both go on to hold."""
    with both_locked(decision, amendment), change(decision, "amend", by=by) as entry:
        other = other_record(entry.decision, amendment, by)
        refuse_unapproved(other, _("Only another approved record can amend this one."))
        if other.pk in _amended_by(decision):
            told = {"other": other.reference}
            raise wrong_state(_("%(other)s is itself amended by this record.") % told)
        link, is_new = _link(other, decision, Relation.AMENDS, by)
        entry.data = {"other": other.reference}
        if is_new:
            tell_other(other, decision, by, "amends")
        else:
            entry.void()
    return link


def relate(decision: Decision, *, by: User, other: Decision) -> DecisionLink:
    """Say that two records have to do with each other; said once, whoever says it."""
    with both_locked(decision, other), change(decision, "relate", by=by) as entry:
        other = other_record(entry.decision, other, by)
        entry.data = {"other": other.reference}
        known = DecisionLink.objects.filter(
            source=other, target=decision, relation=Relation.RELATES
        ).first()
        link, is_new = (known, False) if known else _link(decision, other, Relation.RELATES, by)
        if is_new:
            tell_other(other, decision, by, "relate")
        else:
            entry.void()
    return link


def unrelate(decision: Decision, *, by: User, link: DecisionLink) -> None:
    """Take a link off both records again; that it was there stays in the history.

    That a record is amended is taken back on that record, by its owner.
    """
    other = link.target if link.source_id == decision.pk else link.source
    with both_locked(decision, other), change(decision, "relate", by=by, kind="unrelate") as entry:
        if link.relation == Relation.AMENDS and link.target_id != decision.pk:
            told = {"other": other.reference}
            raise wrong_state(_("It is said on %(other)s that this record amends it.") % told)
        gone, _rows = DecisionLink.objects.filter(_touches(decision), pk=link.pk).delete()
        entry.data = {"other": other.reference}
        if gone:
            tell_other(other, decision, by, "unrelate")
        else:
            entry.void()


@transaction.atomic
def start_successor(
    decision: Decision, *, by: User, with_people: bool = False, **details: Any
) -> Decision:
    """Open a draft that may take this record's place later, related to it from the start.

    Asked for twice at once, as by a double click, it is opened once. `with_people` gives everyone
    the roles that they hold here.
    """
    former = locked(decision)
    _refuse_unseen(former, by)
    if twin := _just_started(former, by, details):
        return twin
    fresh = open_decision(by=by, **details)
    for one in former.participants.select_related("user") if with_people else ():
        if one.user.is_active:
            invite(fresh, by=by, user=one.user, role=one.role, is_signatory=one.is_signatory)
    relate(fresh, by=by, other=former)
    return fresh


@contextmanager
def both_locked(one: Decision, other: Decision) -> Iterator[None]:
    """Lock two records, always the one with the lower key first, so that no two of us wait in turn.

    On SQLite the transaction is exclusive as it is.
    """
    with transaction.atomic():
        pks = {one.pk, other.pk}
        list(Decision.objects.select_for_update().filter(pk__in=pks).order_by("pk"))
        yield


def other_record(decision: Decision, other: Decision, by: User) -> Decision:
    """Return the other record as it is now; refuse the same one, and one that is not visible."""
    if other.pk == decision.pk:
        raise wrong_state(_("Only another record can be chosen, not this one itself."))
    other = locked(other)
    _refuse_unseen(other, by)
    return other


def refuse_unapproved(record: Decision, sentence: str) -> None:
    """Raise `Refused` for a record that is not approved, or that a file alone says is."""
    if record.status != Status.APPROVED:
        raise wrong_state(sentence)
    if record.is_approved_elsewhere:
        told = _("%(record)s was approved elsewhere: reopen it and have it approved here first.")
        raise wrong_state(told % {"record": record.reference})


def _refuse_unseen(record: Decision, by: User) -> None:
    """Raise `Refused` for a record that the person may not read, as if there were none."""
    if refusal("read", record, by):
        sentence = _("There is no record of this name that you may read.")
        raise Refused(Refusal(sentence, HTTPStatus.NOT_FOUND))


def _link(
    source: Decision, target: Decision, relation: Relation, by: User
) -> tuple[DecisionLink, bool]:
    """Return the link between two records, and whether it is new."""
    made = {"made_at": clock.now(), "made_by": by}
    return DecisionLink.objects.get_or_create(
        source=source, target=target, relation=relation, defaults=made
    )


def tell_other(other: Decision, decision: Decision, by: User, kind: str) -> None:
    """Write a line into the other record's log too, if it is the person's to write there."""
    if refusal("relate", other, by) is None:
        with change(other, "relate", by=by, kind=kind) as entry:
            entry.data = {"other": decision.reference}


def _touches(decision: Decision) -> Q:
    return Q(source=decision) | Q(target=decision)


def _amended_by(decision: Decision) -> set[int]:
    """Return the keys of all records that this one amends, directly or through others."""
    found: set[int] = set()
    reached = {decision.pk}
    while reached:
        links = DecisionLink.objects.filter(source__in=reached, relation=Relation.AMENDS)
        reached = set(links.values_list("target", flat=True)) - found
        found |= reached
    return found


def _just_started(former: Decision, by: User, details: dict[str, Any]) -> Decision | None:
    """Return the successor of a moment ago that was asked for in the same words."""
    asked = {name: value for name, value in details.items() if name in ("title", "template")}
    return Decision.objects.filter(
        owner=by,
        created_at__gt=clock.now() - A_MOMENT,
        links_out__target=former,
        **asked,
    ).first()
