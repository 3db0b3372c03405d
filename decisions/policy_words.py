"""A signing policy in sentences, as the people page, the sign page and the templates say it."""

from django.utils.translation import gettext as _

from decisions.models import Role
from decisions.signing_policy import Order, Quorum, SigningPolicy


def rule_of_role(policy: SigningPolicy, role: str) -> str:
    """Return how many of a role's signatories have to sign."""
    name = {"role": Role(role).label}
    if role not in policy.roles:
        return _("%(role)s does not have to sign.") % name
    if policy.quorum_of(role) == Quorum.ALL:
        return _("All of %(role)s sign.") % name
    return _("Any one of %(role)s signs.") % name


def rule_of_order(policy: SigningPolicy) -> str:
    """Return in which order the roles sign; "" where only one does."""
    if len(policy.roles) < 2:
        return ""
    if policy.order == Order.ANY:
        return _("They sign in any order.")
    names = ", ".join(str(Role(role).label) for role in policy.roles)
    return _("In this order: %(roles)s.") % {"roles": names}


def rule_of_duties(policy: SigningPolicy) -> str:
    """Return whether the recommendation's author may sign it alone."""
    if policy.author_may_sign_alone:
        return _("Whoever wrote the recommendation may be its only signatory.")
    return _("Whoever wrote the recommendation cannot be its only signatory.")


def policy_in_words(policy: SigningPolicy) -> list[str]:
    """Return all of a policy in sentences: each role, then the order, then who may not alone."""
    said = [rule_of_role(policy, role) for role in policy.roles]
    return [one for one in (*said, rule_of_order(policy), rule_of_duties(policy)) if one]
