"""A sealed document comes in as what its seal makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisions.actions.importing import import_file
from decisions.exports.seal import put_seal_on
from decisions.exports.seal_keys import KeyFiles, Keys, make_keys
from decisions.imports.reading import BadFile, read_file
from decisions.models import Decision, SealCertificate
from tests import factories
from tests.elsewhere import made_elsewhere
from tests.small_pages import on_small_pages

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def sealed_elsewhere(keys: Keys) -> bytes:
    """Return the sealed document of an approved record that was never here."""
    files: list[bytes] = []

    def make() -> Decision:
        record = factories.approved(factories.people())
        reason = f"{record.reference}, version {record.version}, SHA-256 {record.digest}"
        files.append(put_seal_on(on_small_pages(record), keys.opened(), reason))
        return record

    made_elsewhere(make)
    return files[0]


def test_the_seal_of_a_document_is_looked_at_before_it_comes_in(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path)
    make_keys(files, "Acme Ltd", years=3, bits=2048)
    file = sealed_elsewhere(Keys(key=files.key, certificates=files.certificates))
    by = factories.person("nora", "Nora Import")
    with pytest.raises(BadFile, match="Not intact: The seal does not cover the whole file"):
        import_file(file + b"\n", by=by)
    assert not Decision.objects.exists()
    imported = import_file(file, by=by).imported
    assert imported.verified["verdict"] == "unknown authority"
    assert "that seal is not known here" in imported.seal_in_words
    SealCertificate.objects.create(sha256="0" * 64, pem=files.certificates.read_text())
    known = read_file(file, is_apart=True).verified
    assert known["verdict"] == "intact"
    assert known["sealed_by"].startswith("Acme Ltd")
