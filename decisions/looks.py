"""What changed since one person last looked, part by part."""

from dataclasses import dataclass
from datetime import datetime

from decisions.models import Decision, Look, Section, User
from decisions.versions import Change, Past


@dataclass(frozen=True)
class News:
    """What changed in one part since the person looked at it; without a section: everywhere."""

    section: Section | None
    changes: list[Change]
    looked_at: datetime

    @property
    def kind(self) -> str:
        """Return the kind of the part, "" for the record as a whole."""
        return self.section.kind if self.section else ""

    @property
    def lines(self) -> list[tuple[str, Change]]:
        """Return the differences with where in the part each is, "" where that goes without saying.

        A part with one question is called as that is.
        """
        title = str(self.section or "")
        places = [str(one.where).removeprefix(f"{title}: ") for one in self.changes]
        known = ("" if place == title else place for place in places)
        return list(zip(known, self.changes, strict=True))

    @property
    def anchor(self) -> str:
        """Return the id of the difference on its page."""
        return f"changed-{self.kind or 'record'}"


def looks_of(user: User, decision: Decision) -> dict[int, Look]:
    """Return the person's look at each section, by the section's key."""
    looks = Look.objects.filter(user=user, section__decision=decision)
    return {one.section_id: one for one in looks}


def news_since(looks: dict[int, Look], past: Past, sections: list[Section]) -> list[News]:
    """Return the parts that changed since the person looked at them, in the record's order.

    What belongs to no part (the title) stands on every page: the latest look counts.
    """
    if not looks:
        return []
    latest = max(looks.values(), key=lambda one: one.looked_at)
    kinds = {one.kind for one in sections}
    at_large = [one for one in past.changes_since(latest.digest) if one.section not in kinds]
    found = [News(None, at_large, latest.looked_at)]
    for section in sections:
        if look := looks.get(section.pk):
            changes = past.changes_since(look.digest)
            here = [one for one in changes if one.section == section.kind]
            found.append(News(section, here, look.looked_at))
    return [one for one in found if one.changes]
