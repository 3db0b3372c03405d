"""Bring documents in from files: `import_corpus handbook.zip notes.md --name Handbook`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.policies import BadInput, Refused
from evaluations.freezing import ImportedCorpus, import_corpus
from evaluations.importers.documents import DocumentFile
from evaluations.management.commands.import_cases import about, add_about


class Command(BaseCommand):
    """Freezes the documents of text, Markdown, JSON-lines or zip files as a corpus's version."""

    help = "Import documents from text, Markdown, JSON lines, CSV, SQuAD or zip files as a corpus."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--name", required=True, help="name of the corpus")
        add_about(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        files = [DocumentFile(path) for path in options["files"]]
        try:
            imported = import_corpus(files=files, **about(options))
        except (BadInput, Refused) as error:
            raise CommandError(str(error)) from error
        told = report(imported)
        self.stdout.write(json.dumps(told) if options["json"] else sentences(told))


def report(imported: ImportedCorpus) -> dict[str, Any]:
    """Return what came in, as plain values."""
    corpus = imported.corpus
    return {
        "name": corpus.name,
        "slug": corpus.slug,
        "version": corpus.version,
        "is_new": imported.is_new,
        "digest": corpus.digest,
        "documents": corpus.documents_count,
        "characters": corpus.characters,
        "duplicates": corpus.duplicates,
    }


def sentences(told: dict[str, Any]) -> str:
    """Return what came in, for people."""
    news = "imported" if told["is_new"] else "was imported before; nothing was added"
    return (
        f"{told['name']}, version {told['version']}: {news}.\n"
        f"{told['documents']:,} documents, {told['characters']:,} characters; "
        f"{told['duplicates']} say what another says.\n"
        f"Digest {told['digest']}"
    )
