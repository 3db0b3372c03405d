"""Encrypt every secret under the SECRET_KEY of today: `renew_secrets`."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.utils.translation import ngettext

from decisions.crypto import EncryptedTextField, Undecipherable


class Command(BaseCommand):
    """Reads each secret with whatever key still reads it and writes it under the first."""

    help = (
        "Encrypt all secrets under the SECRET_KEY of today. "
        "Afterwards no key of SECRET_KEY_FALLBACKS is needed to read them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Renew all that can be read; end with an error that names what cannot."""
        renewed, lost = 0, []
        for field in _encrypted_fields():
            for pk in _holders(field):
                try:
                    renewed += _renew(field, pk)
                except Undecipherable:
                    lost.append(f"{field.model._meta.verbose_name} {pk}: {field.name}")
        told = ngettext("%(n)d secret renewed.", "%(n)d secrets renewed.", renewed)
        self.stdout.write(told % {"n": renewed})
        if lost:
            listed = "\n  ".join(lost)
            raise CommandError(
                f"No key in SECRET_KEY or SECRET_KEY_FALLBACKS reads these:\n  {listed}\n"
                "Add the key they were written under, or make them anew where they were set up."
            )


def _encrypted_fields() -> list[EncryptedTextField]:
    return [
        field
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, EncryptedTextField)
    ]


def _holders(field: models.Field) -> list[Any]:
    """Return the keys of the rows in which the field holds something."""
    found = field.model._base_manager.exclude(**{f"{field.name}__in": ["", None]})
    return list(found.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _renew(field: models.Field, pk: Any) -> bool:
    """Write one secret anew, unless its row is gone; nobody changes it in between."""
    row = field.model._base_manager.select_for_update().only(field.name).filter(pk=pk).first()
    if row is None:
        return False
    row.save(update_fields=[field.name])
    return True
