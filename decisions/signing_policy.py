"""Who has to sign, in which order, and how many of each role: a record's policy as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from decisions.models.people import Role


class Quorum(StrEnum):
    """How many of a role's signatories have to sign."""

    ANY = "any"
    ALL = "all"


class Order(StrEnum):
    """Whether the roles sign in whatever order, or one after another as they are listed."""

    ANY = "any"
    LISTED = "listed"


@dataclass(frozen=True)
class SigningPolicy:
    """What approval needs; copied into the record at submission and into every signature."""

    roles: tuple[str, ...]
    order: Order = Order.ANY
    quorum: Mapping[str, Quorum] = field(default_factory=dict)
    # Separation of duties: whether who wrote the recommendation may be the only one to sign it.
    author_may_sign_alone: bool = False

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SigningPolicy:
        """Return the policy that a template or a record keeps; raises `ValueError` if it is none.

        A role that is not named in "quorum" needs any one of its signatories.
        """
        if not isinstance(stored, Mapping):
            raise ValueError("a policy is a mapping")
        alone = stored.get("author_may_sign_alone", False)
        quorum = stored.get("quorum") or {}
        if not isinstance(alone, bool) or not isinstance(quorum, Mapping):
            raise ValueError("a policy's quorum is a mapping, and its switch is true or false")
        policy = cls(
            roles=tuple(stored.get("signing_roles") or ()),
            order=Order(stored.get("order", Order.ANY)),
            quorum={role: Quorum(how) for role, how in quorum.items()},
            author_may_sign_alone=alone,
        )
        policy.check()
        return policy

    def check(self) -> None:
        """Raise `ValueError` for a policy that does not say who signs, each role once."""
        if not self.roles:
            raise ValueError("a policy under which no one signs approves everything")
        if unknown := {*self.roles, *self.quorum} - set(Role.values):
            raise ValueError(f"no such role: {sorted(map(str, unknown))}")
        if len(set(self.roles)) < len(self.roles):
            raise ValueError("a policy names each role once")

    def to_json(self) -> dict[str, Any]:
        """Return the policy as plain values, every role's quorum written out."""
        return {
            "signing_roles": list(self.roles),
            "order": str(self.order),
            "quorum": {role: str(self.quorum_of(role)) for role in self.roles},
            "author_may_sign_alone": self.author_may_sign_alone,
        }

    def quorum_of(self, role: str) -> Quorum:
        """Return how many of a role's signatories have to sign."""
        return self.quorum.get(role, Quorum.ANY)

    def before(self, role: str) -> tuple[str, ...]:
        """Return the roles that have to have signed before this one may."""
        if self.order == Order.ANY or role not in self.roles:
            return ()
        return self.roles[: self.roles.index(role)]
