"""Bring in records: a JSON archive, a PDF that has one in it, or decisions kept as Markdown."""

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from decisions.actions.adr_files import import_adr, read_adr
from decisions.actions.importing import import_file
from decisions.imports.reading import holds_archive, largest_file
from decisions.models import Decision, User
from decisions.policies import BadInput, Refused

MARKDOWN = {".md", ".markdown"}  # the endings of what comes in from a folder


class Command(BaseCommand):
    """Imports records; what a file says that people did stays the file's word."""

    help = (
        "Bring in a decision record from a file: an archive (JSON), a sealed PDF, or an "
        "architecture decision record in Markdown. Of a folder every .md and .markdown file comes "
        "in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file, or a folder of Markdown files")
        parser.add_argument("--owner", help="the username of who drives the record here")
        parser.add_argument("--json", action="store_true", help="report as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        by = _owner(options["owner"])
        try:
            told = _folder(path, by) if path.is_dir() else bring_in(_content(path), path.name, by)
        except (BadInput, Refused) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(told) if options["json"] else _in_words(told))


def bring_in(content: bytes, name: str, by: User) -> dict[str, Any]:
    """Bring in one file by what it holds; return a report of plain values."""
    if holds_archive(content, name):
        return _archive_told(import_file(content, by=by))
    file = read_adr(content, name)
    decision = import_adr(file, by=by)
    outline = file.outline
    return {
        "file": name,
        "decision": decision.reference,
        "title": decision.title,
        "digest": decision.digest,
        "status": decision.status,
        "placed": [{"what": one.what, "where": str(one.where)} for one in outline.placed],
        "left": [{"what": one.what, "why": str(one.why)} for one in outline.left],
        "relations": outline.relations,
    }


def _archive_told(decision: Decision) -> dict[str, Any]:
    follows = decision.imported.follows
    return {
        "decision": decision.reference,
        "elsewhere": decision.imported.reference,
        "digest": decision.digest,
        "status": decision.status,
        "follows": follows.reference if follows else None,
        "left_out": decision.imported.left_out,
    }


def _folder(path: Path, by: User) -> dict[str, Any]:
    """Bring in a folder's texts one by one; one that cannot come in holds up none of the others.

    Files of other kinds are counted by the ends of their names.
    """
    files = sorted(one for one in path.rglob("*") if one.is_file())
    texts = [one for one in files if one.suffix.lower() in MARKDOWN]
    if not texts:
        raise CommandError(f"There is no .md or .markdown file in {path}.")
    others = Counter(one.suffix.lower() for one in files if one.suffix.lower() not in MARKDOWN)
    return {"files": [_one_of(path, one, by) for one in texts], "left_aside": others}


def _one_of(folder: Path, path: Path, by: User) -> dict[str, Any]:
    name = str(path.relative_to(folder))
    try:
        return bring_in(_content(path), name, by)
    except (BadInput, Refused, CommandError) as error:
        return {"file": name, "error": str(error)}


def _in_words(told: dict[str, Any]) -> str:
    """Return a report in lines."""
    if "files" in told:
        return "\n".join([*(_in_words(one) for one in told["files"]), *_counts(told)])
    if "error" in told:
        return f"{told['file']}: {told['error']}"
    if "elsewhere" in told:
        first = f"{told['elsewhere']} came in as {told['decision']} ({told['status']})."
        lines = [first, f"Digest of the record: {told['digest']}"]
        if told["follows"]:
            lines.append(f"The file tells more of it than {told['follows']}, which stays as it is.")
        return "\n".join([*lines, *(f"Left out: {one}" for one in told["left_out"])])
    return "\n".join(
        [
            f"{told['file']} came in as {told['decision']} “{told['title']}” ({told['status']}).",
            *(f"  Placed: {one['what']} → {one['where']}" for one in told["placed"]),
            *(f"  Without a place: {one['what']}. {one['why']}" for one in told["left"]),
            *(f"  Speaks of another: {one}" for one in told["relations"]),
        ]
    )


def _counts(told: dict[str, Any]) -> Iterator[str]:
    """Yield how many files of a folder came in, and how many were left aside."""
    came = sum("error" not in one for one in told["files"])
    yield f"{came} of {len(told['files'])} files came in."
    others = [f"{count} {end or 'without an ending'}" for end, count in told["left_aside"].items()]
    if others:
        yield f"Left aside, as no Markdown: {', '.join(others)}."


def _content(path: Path) -> bytes:
    """Return the file's bytes, one more than may be at most."""
    try:
        with path.open("rb") as file:
            return file.read(largest_file() + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _owner(username: str | None) -> User:
    """Return who will drive the record: who is named, or the only person there is."""
    active = User.objects.filter(is_active=True)
    found = active.filter(username=username) if username else active
    if found.count() != 1:
        raise CommandError(
            f"Nobody here is called {username}." if username else "Say who drives it: --owner NAME."
        )
    return found.get()
