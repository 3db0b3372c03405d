"""The seal of this installation: which keys the settings name, and whether they will do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate
from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from decisions import clock
from decisions.exports.seal_keys import EXPIRES_SOON, KeyFiles, Keys, Opened, SealError, ends_first
from decisions.exports.verify_report import in_language
from decisions.models import WORKING, Document, DocumentState, SealCertificate
from decisions.section_kinds import Text
from decisions.workflow import CLOSED

_FAILED = _("The document of %(record)s failed. %(why)s")
# What lacks its seal for longer than this, a second try did not help.
AWAITED_FOR = timedelta(minutes=15)


class Matter(StrEnum):
    """What can be wrong with the seal, by the name under which administrators are told."""

    ENDS = "seal_ends"
    ENDED = "seal_ended"
    UNREADABLE = "seal_unreadable"
    AWAITED = "seal_awaited"


@dataclass(frozen=True)
class SealTrouble:
    """What is wrong, or soon will be: the certificate's last day, or why nothing is sealed.

    That is told as a message with its values, see `in_language`.
    """

    matter: Matter
    day: date | None = None
    why: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = {"day": self.day and self.day.isoformat()}
        return _SENTENCES[self.matter] % (told | {"why": self.why and in_language(**self.why)})


_SENTENCES: dict[Matter, Text] = {
    Matter.ENDS: gettext_lazy("The certificate of the seal ends on %(day)s."),
    Matter.ENDED: gettext_lazy("The certificate of the seal ended on %(day)s: nothing is sealed."),
    Matter.UNREADABLE: gettext_lazy("Nothing can be sealed: %(why)s"),
    Matter.AWAITED: gettext_lazy("Approved records wait for their seal: %(why)s"),
}


def keys_in_settings() -> Keys:
    """Return where the settings say that the keys lie.

    What is named there is to be there. Where nothing is named and nothing lies in `SEAL_DIR`, there
    is no seal.
    """
    keys = Keys(
        password=settings.SEAL_PASSWORD,
        password_file=_path(settings.SEAL_PASSWORD_FILE),
        timestamp_url=settings.SEAL_TIMESTAMP_URL,
        timestamp_authorities=_path(settings.SEAL_TIMESTAMP_AUTHORITIES),
    )
    if settings.SEAL_PKCS12:
        return replace(keys, pkcs12=Path(settings.SEAL_PKCS12))
    usual = KeyFiles(Path(settings.SEAL_DIR))
    is_named = settings.SEAL_KEY or settings.SEAL_CERTIFICATES
    if not is_named and not _is_there(usual.key) and not _is_there(usual.certificates):
        return keys
    key, certificates = _path(settings.SEAL_KEY), _path(settings.SEAL_CERTIFICATES)
    return replace(keys, key=key or usual.key, certificates=certificates or usual.certificates)


def _path(name: str | Path) -> Path | None:
    return Path(name) if name else None


def _is_there(path: Path) -> bool:
    """Return whether there is a file; one in a folder that is closed to us counts as there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def seal_trouble() -> SealTrouble | None:
    """Return what is wrong, or soon will be, with the seal; None if nothing is, or without one.

    Opens the key: for those who seal.
    """
    keys = keys_in_settings()
    if not keys.are_named:
        return None
    try:
        opened = keys.opened()
        ensure_not_revoked(opened)
    except SealError as error:
        return SealTrouble(Matter.UNREADABLE, why=error.told)
    return _ending(opened.certificates)


def ensure_not_revoked(opened: Opened) -> None:
    """Raise `SealError` if the key's certificate was revoked here."""
    if SealCertificate.objects.filter(sha256=opened.sha256, revoked_at__isnull=False).exists():
        raise SealError(_("The seal's certificate was revoked, because its key was stolen."))


def trouble_in_sight() -> SealTrouble | None:
    """Return what of that can be seen without the key, which not every process may read."""
    keys = keys_in_settings()
    if not keys.are_named:
        return None
    if missing := [one for one in keys.files if not _is_there(one)]:
        why = SealError(_("%(file)s is not there."), file=str(missing[0]))
        return SealTrouble(Matter.UNREADABLE, why=why.told)
    if keys.certificates is None or not os.access(keys.certificates, os.R_OK):
        return None
    try:
        return _ending(keys.certificates_alone())
    except SealError as error:
        return SealTrouble(Matter.UNREADABLE, why=error.told)


def _ending(certificates: Sequence[Certificate]) -> SealTrouble | None:
    """Return that the chain ends within 60 days, or has ended: nobody seals under a dead giver."""
    now, ends = clock.now(), ends_first(certificates)
    if ends - now >= EXPIRES_SOON:
        return None
    return SealTrouble(Matter.ENDED if ends < now else Matter.ENDS, ends.date())


def seal_works() -> bool:
    """Return whether there is a seal that can be put on now, its certificate ending soon or not."""
    trouble = seal_trouble()
    is_well = trouble is None or trouble.matter == Matter.ENDS
    return is_well and keys_in_settings().are_named


def seal_awaited() -> SealTrouble | None:
    """Return what keeps documents from their seal for some time, whatever it is; None if nothing.

    Where that is the key or its certificate, `seal_trouble` says so.
    """
    if not seal_works():
        return None
    lacking = Document.objects.filter(state__in=[DocumentState.UNSEALED, *WORKING])
    late = lacking.filter(is_sealed=True, unsealed_at__lt=clock.now() - AWAITED_FOR)
    if document := late.order_by("unsealed_at", "pk").first():
        return SealTrouble(Matter.AWAITED, why=document.why)
    if document := _failed_for_good():
        values = {"record": document.decision.reference, "why": document.why}
        return SealTrouble(Matter.AWAITED, why=SealError(_FAILED, **values).told)
    return None


def _failed_for_good() -> Document | None:
    """Return a sealed document that could not be made, of a record that stands as approved.

    It is not tried again by itself: what ends a worker once ends the next one too.
    """
    sealed = Document.objects.filter(is_sealed=True)
    failed = sealed.filter(state=DocumentState.FAILED, finished_at__lt=clock.now() - AWAITED_FOR)
    stands = failed.filter(decision__status__in=CLOSED, digest=F("decision__digest"))
    same = sealed.filter(decision=OuterRef("decision"), digest=OuterRef("digest"))
    anew = same.exclude(state=DocumentState.FAILED)
    return stands.exclude(Exists(anew)).order_by("-finished_at", "-pk").first()


def seals_trusted() -> bytes:
    """Return the certificates (PEM) of all seals that documents were ever sealed with here.

    Those that were revoked are left out.
    """
    trusted = SealCertificate.objects.filter(revoked_at=None)
    return "".join(trusted.values_list("pem", flat=True)).encode()
