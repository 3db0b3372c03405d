"""Calling a person into a discussion by `@username`."""

from collections.abc import Iterable, Mapping

from decisions.markdown import handles_in
from decisions.models import Decision, User


def people_of(record: Decision) -> list[User]:
    """Return who has a say on a record, by name: the owner, participants, and who stands in.

    Reads the prefetched participants.
    """
    participants = record.participants.all()
    lent = (
        delegation.taker
        for one in participants
        if one.is_signatory
        for delegation in one.user.delegations_given.all()
        if delegation.is_in_force and delegation.covers(record.pk)
    )
    found = {one.pk: one for one in (record.owner, *(one.user for one in participants), *lent)}
    return sorted(found.values(), key=lambda one: str(one).casefold())


def names_by_handle(people: Iterable[User]) -> dict[str, str]:
    """Return handle → name; handles are usernames in small letters."""
    return {handle: str(user) for handle, user in _by_handle(people).items()}


def mentioned(text: str, people: Iterable[User]) -> list[User]:
    """Return those of `people` who are called in a Markdown text, each once, in order."""
    called: Mapping[str, User] = _by_handle(people)
    names = {handle: str(user) for handle, user in called.items()}
    return [called[handle] for handle in handles_in(text, names)]


def _by_handle(people: Iterable[User]) -> dict[str, User]:
    return {one.username.lower(): one for one in people}
