"""Print the JSON Schema of an archive, or write it where it is published."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from decisions.exports.archive_schema import archive_schema

PUBLISHED = settings.BASE_DIR / "docs" / "schema" / "archive-1.json"


def published_text() -> str:
    """Return the schema as it stands in its file."""
    return json.dumps(archive_schema(), indent=2, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    """Print the JSON Schema of an archive, or write it into docs/schema/."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="write it into docs/schema/")

    def handle(self, *, write: bool, **options: Any) -> None:
        if write:
            PUBLISHED.parent.mkdir(parents=True, exist_ok=True)
            PUBLISHED.write_text(published_text(), encoding="utf-8")
        else:
            self.stdout.write(published_text(), ending="")
