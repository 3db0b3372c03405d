"""Who proposed a goal: its role, as the record says, and the person, as the log does."""

from collections.abc import Mapping

from decisions.models import Decision, Goal, Role

PROPOSED, ADDED = "propose_goal", "add_goal"


def proposers(record: Decision) -> dict[str, tuple[str, str]]:
    """Return who wrote each goal down last, by its name: what they did, and their name then."""
    events = record.events.filter(kind__in=(PROPOSED, ADDED)).order_by("sequence")
    return {
        str(data.get("goal", "")): (kind, name)
        for kind, name, data in events.values_list("kind", "actor_name", "data")
    }


def proposed_by(goal: Goal, known: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return who asks for a goal: its role, and the person where they proposed it in person.

    What the owner wrote down for a role is the role's; what stands for no role is the person's.
    A goal of which the log has nothing came with the template, and is the owner's.
    """
    kind, name = known.get(goal.name, ("", ""))
    if not goal.proposed_by_role:
        return [name or str(goal.decision.owner)]
    return [str(Role(goal.proposed_by_role).label), *([name] if kind == PROPOSED else [])]
