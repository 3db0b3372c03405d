"""A second installation: a process and a database of its own, to which files are brought.

`python -m tests.second_installation IN OUT` brings every file in IN in, writes what goes out again
to OUT, and prints as JSON the digest that each record has there and what its audit finds wrong.
"""

import json
import sys
from pathlib import Path
from typing import Any

import django


def bring(files: Path, out: Path) -> dict[str, Any]:
    """Return name of a file → its record's digest, computed from the rows; and the findings."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from decisions.actions.importing import import_file
    from decisions.auditing import verify_log
    from decisions.content import current_digest
    from decisions.exports.archive import canonical_archive
    from decisions.models import Decision, User

    nora = User.objects.create(username="nora", name="Nora Import", email="nora@example.net")
    digests = {}
    for path in sorted(files.iterdir()):
        record = Decision.objects.get(pk=import_file(path.read_bytes(), by=nora).pk)
        digests[path.name] = current_digest(record)
        (out / f"{path.stem}.json").write_bytes(canonical_archive(record, with_files=True))
    return {"digests": digests, "findings": [one.sentence for one in verify_log().findings]}


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(bring(Path(sys.argv[1]), Path(sys.argv[2]))))
