"""System checks: what configuration can get wrong."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from decisions.exports.document import PAPERS
from decisions.sealing import Matter, keys_in_settings, trouble_in_sight


@register()
def demo_only_while_debugging(**kwargs: Any) -> list[CheckMessage]:
    """Refuse one-click sign-in on a real installation."""
    if settings.DEMO and not settings.DEBUG:
        return [
            Error(
                "Demo mode is on with DEBUG off.",
                hint="Unset COUNTERSIGN_DEMO: in demo mode anyone signs in with one click.",
                id="decisions.E001",
            )
        ]
    return []


@register()
def paper_is_known(**kwargs: Any) -> list[CheckMessage]:
    """Refuse paper that documents cannot be printed on."""
    if settings.PAPER in PAPERS:
        return []
    hint = f"Set COUNTERSIGN_PAPER to {' or '.join(PAPERS)}."
    return [
        Error(f"Documents are not printed on {settings.PAPER}.", hint=hint, id="decisions.E002")
    ]


@register()
def seal_can_be_put_on(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a seal that is named and not there, of one that has ended, or will in 60 days.

    That it is not there is no error: the worker alone has to read it, and other processes, which
    prepare the database or serve pages, may well run where its files are not.
    """
    trouble = trouble_in_sight()
    if trouble is None:
        return []
    if trouble.matter == Matter.UNREADABLE:
        hint = (
            "Put it there, or take its name out of the settings, unless only the worker has it: "
            "see docs/sealing.md."
        )
        return [Warning(str(trouble), hint=hint, id="decisions.W004")]
    hint = "Renew it with `manage.py make_seal_key`, see docs/sealing.md."
    return [Warning(str(trouble), hint=hint, id="decisions.W001")]


@register()
def time_stamps_are_believed(**kwargs: Any) -> list[CheckMessage]:
    """Warn where time stamps are asked for and nobody's are believed."""
    if not settings.SEAL_TIMESTAMP_URL or settings.SEAL_TIMESTAMP_AUTHORITIES:
        return []
    hint = "Name the certificates of the time-stamping authority: see docs/sealing.md."
    told = "SEAL_TIMESTAMP_URL is set without SEAL_TIMESTAMP_AUTHORITIES."
    return [Warning(told, hint=hint, id="decisions.W002")]


@register(deploy=True)
def readers_can_trust_the_authority(**kwargs: Any) -> list[CheckMessage]:
    """Warn where who trusts the topmost of the seal's certificates would not accept the seal."""
    keys = keys_in_settings()
    if keys.certificates is None or trouble_in_sight():
        return []
    # Loading the verifier costs half a second: only who asks for it pays.
    from decisions.exports.seal import asn1
    from decisions.exports.verify_seal import accepts

    leaf, *others = asn1(keys.certificates_alone())
    if not others or accepts(leaf, others, others[-1]):
        return []
    hint = "Give readers the seal's own certificate instead: see docs/sealing.md."
    told = "The seal's certificate was not given for signing documents, or not by its authority."
    return [Warning(told, hint=hint, id="decisions.W003")]
