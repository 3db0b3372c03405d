"""The sample people: one per role, an owner, a second opinion and an outsider. Demo only."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from decisions.models import Role, User
from decisions.section_kinds import Text

PASSWORD = "countersign demo"  # noqa: S105  (printed on the demo's pages; never used elsewhere)


@dataclass(frozen=True)
class SamplePerson:
    """A made-up person of the sample; `line` says who they are."""

    username: str
    name: str
    line: Text
    role: Role | None = None
    time_zone: str = "Europe/London"
    # An administrator: sets up webhooks and record templates.
    is_staff: bool = False

    @property
    def email(self) -> str:
        """Return an address that no mail can reach."""
        return f"{self.username}@larkspur.example"


PEOPLE = (
    SamplePerson(
        "maren",
        "Maren Okafor",
        _("Owner of the routing decision, head of support, administrator"),
        is_staff=True,
    ),
    SamplePerson(
        "ines", "Inês Carvalho", _("Business, operations finance"), Role.BUSINESS, "Europe/Lisbon"
    ),
    SamplePerson("tomasz", "Tomasz Wójcik", _("Data science"), Role.DATA_SCIENCE, "Europe/Warsaw"),
    SamplePerson("priya", "Priya Raman", _("DevOps, platform"), Role.DEVOPS, "Asia/Kolkata"),
    SamplePerson("lena", "Lena Sørensen", _("UX, service design"), Role.UX, "Europe/Copenhagen"),
    SamplePerson("ravi", "Ravi Menon", _("An outsider: no part in any decision")),
)


def is_on() -> bool:
    """Return whether one-click sign-in is offered: in the demo, never with DEBUG off."""
    return settings.DEMO and settings.DEBUG


def people_lines() -> list[str]:
    """Return what `make run` prints of the sample people."""
    width = max(len(person.name) for person in PEOPLE)
    lines = [f"{person.name:<{width}}  {person.email:<28} {person.line}" for person in PEOPLE]
    return [*lines, f"Password of each, asked for when signing: {PASSWORD}"]


def sample_users() -> list[User]:
    """Return the sample people that are loaded, in the order of the list."""
    found = {user.username: user for user in User.objects.filter(is_active=True)}
    return [found[person.username] for person in PEOPLE if person.username in found]
