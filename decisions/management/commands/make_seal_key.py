"""Make keys for the platform's seal: `make_seal_key --organisation "Acme Ltd"`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from decisions.exports.seal_keys import KeyFiles, KeysExistError, SealError, make_keys, password_in
from decisions.sealing import keys_in_settings


class Command(BaseCommand):
    """Makes an authority of the organisation, and the key that seals its documents."""

    help = (
        "Make an authority of your organisation and, under it, the key that seals documents. "
        "Where the authority is there already, only a new key: move the old one away first."
    )

    # What it mends is what the checks would refuse.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", default="Countersign", help="as it shall be printed")
        parser.add_argument(
            "--folder",
            type=Path,
            default=settings.SEAL_DIR,
            help="where the files go (default: where the settings look for them)",
        )
        parser.add_argument("--years", type=int, default=3, help="how long the seal is valid")
        parser.add_argument(
            "--authority-password-file",
            type=Path,
            help="the password that the authority's key is under, or is to be: not the server's",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["years"] <= 10:
            raise CommandError("A seal is valid for 1 to 10 years.")
        files, authority_file = KeyFiles(options["folder"]), options["authority_password_file"]
        try:
            make_keys(
                files,
                options["organisation"],
                years=options["years"],
                password=keys_in_settings().secret(),
                authority_password=password_in(authority_file) if authority_file else None,
            )
        except KeysExistError as error:
            raise CommandError(
                f"There is a seal in {files.folder} already. To renew it, move {files.key.name} "
                f"and {files.certificates.name} away and call this again."
            ) from error
        except (SealError, OSError, TypeError, ValueError) as error:
            raise CommandError(f"The keys could not be made: {error}") from error
        self.stdout.write(json.dumps(told(files)) if options["json"] else sentences(files))


def told(files: KeyFiles) -> dict[str, str]:
    """Return where everything lies."""
    return {
        "authority": str(files.authority),
        "authority_key": str(files.authority_key),
        "certificates": str(files.certificates),
        "key": str(files.key),
    }


def sentences(files: KeyFiles) -> str:
    """Return the same with what to do now."""
    return "\n".join(
        [
            f"Documents are sealed with {files.key} and {files.certificates}.",
            f"Give {files.authority} to everyone who verifies.",
            f"Move {files.authority_key} to where no server reaches it: it is needed only to renew "
            "the seal.",
        ]
    )
