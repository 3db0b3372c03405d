"""How a record stands to others, as one reader may know it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from decisions.models import Decision, DecisionLink, Relation, Status, User
from decisions.policies import may


@dataclass(frozen=True)
class Related:
    """Another record; who may not read it is told its name and nothing else."""

    record: Decision
    is_visible: bool
    link: DecisionLink | None = None
    may_remove: bool = False

    @property
    def holds(self) -> bool:
        """Return whether it was approved here; if not, its status is worth saying."""
        return self.record.shown_status == Status.APPROVED


class Relations:
    """What a record supersedes, amends and relates to, and the other way round.

    Takes two queries, three if there is any other record.
    """

    def __init__(self, record: Decision, user: User) -> None:
        self.record = record
        self.user = user

    @property
    def superseded_by(self) -> Related | None:
        """Return the record in this one's place."""
        other = self.record.superseded_by
        return self._related(other) if other else None

    @property
    def supersedes(self) -> list[Related]:
        """Return the records in whose place this one is."""
        return [self._related(one) for one in self.record.supersedes.all()]

    @property
    def amended_by(self) -> list[Related]:
        """Return the records that amend this one."""
        return [self._linked(one) for one in self._amending if one.target_id == self.record.pk]

    @property
    def amends(self) -> list[Related]:
        """Return the records that this one amends."""
        return [self._linked(one) for one in self._amending if one.source_id == self.record.pk]

    @property
    def related(self) -> list[Related]:
        """Return the records that have to do with this one, whoever said so."""
        return [self._linked(one) for one in self._links if one.relation == Relation.RELATES]

    @property
    def is_any(self) -> bool:
        """Return whether the record stands to any other."""
        return bool(self.record.superseded_by_id or self.record.supersedes.all() or self._links)

    @cached_property
    def can_relate(self) -> bool:
        """Return whether the person may link the record to others."""
        return may("relate", self.record, self.user)

    @property
    def _amending(self) -> list[DecisionLink]:
        return [one for one in self._links if one.relation == Relation.AMENDS]

    @cached_property
    def _links(self) -> list[DecisionLink]:
        mine = Q(source=self.record) | Q(target=self.record)
        return list(DecisionLink.objects.filter(mine).select_related("source", "target"))

    @cached_property
    def _visible(self) -> set[int]:
        """Return the keys of the other records that the reader may read."""
        others = {one.pk for one in self.record.supersedes.all()}
        others |= {self.record.superseded_by_id or 0}
        others |= {key for one in self._links for key in (one.source_id, one.target_id)}
        seen = Decision.objects.visible_to(self.user).filter(pk__in=others)
        return set(seen.values_list("pk", flat=True))

    def _linked(self, link: DecisionLink) -> Related:
        """Return the record at the other end; that a record is amended is taken back there."""
        here = link.target_id == self.record.pk
        other = link.source if here else link.target
        said_here = link.relation == Relation.RELATES or here
        return self._related(other, link, may_remove=said_here and self.can_relate)

    def _related(
        self, other: Decision, link: DecisionLink | None = None, *, may_remove: bool = False
    ) -> Related:
        return Related(other, other.pk in self._visible, link, may_remove)
