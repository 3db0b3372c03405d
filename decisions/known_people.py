"""Whom somebody knows here: the people they share a record with."""

from django.db.models import Q, QuerySet

from decisions.models import Decision, Participant, User

MOST = 200


def known_to(user: User) -> QuerySet[User]:
    """Return those who own or take part in a record that `user` owns or takes part in, by name.

    Only their names and addresses are offered for completion; the address of anyone else has to be
    known, so that nobody reads the whole directory out of a form.
    """
    held = Participant.objects.filter(user=user).values("decision")
    mine = Decision.objects.filter(Q(owner=user) | Q(pk__in=held))
    beside = Participant.objects.filter(decision__in=mine).values("user")
    found = User.objects.filter(Q(pk__in=mine.values("owner")) | Q(pk__in=beside), is_active=True)
    return found.exclude(pk=user.pk).order_by("name", "pk")[:MOST]
