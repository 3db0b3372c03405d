"""Files of a case set, a corpus or results between their upload and the end of their import."""

import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404

from decisions.models import User
from evaluations.importers.cases import CaseFile
from evaluations.importers.documents import DocumentFile
from evaluations.models import Import, Imports, Split

KEPT_SECONDS = 24 * 3600
TOKEN = re.compile(r"[\w-]{20,60}", re.ASCII)
ABOUT = "about.json"
DOCUMENTS = "documents"


@dataclass(frozen=True)
class Upload:
    """What one person uploaded; `files` maps the name it is kept under to the file's own name."""

    token: str
    user: int
    name: str
    origin: str
    licence: str
    files: dict[str, str]
    what: str = Imports.CASES
    # What else was said: who may read it, and the corpus that the cases name.
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Return where the files are."""
        return _home() / self.token

    @property
    def has_splits(self) -> bool:
        """Return whether the files say which split their cases belong to."""
        return "train" in self.files

    @property
    def case_files(self) -> list[CaseFile]:
        """Return the files of cases, those to train on first."""
        cases = CaseFile(
            self.folder / "cases", Split.TEST if self.has_splits else "", self.files["cases"]
        )
        if not self.has_splits:
            return [cases]
        return [CaseFile(self.folder / "train", Split.TRAIN, self.files["train"]), cases]

    @property
    def document_files(self) -> list[DocumentFile]:
        """Return the files of documents, in the order of their upload."""
        return [DocumentFile(self.folder / kept, name) for kept, name in self.files.items()]

    @property
    def labels(self) -> Path | None:
        """Return the file of labels, if there is one."""
        return self.folder / "labels" if "labels" in self.files else None


def keep(
    user: User,
    values: Mapping[str, Any],
    what: str = Imports.CASES,
    *,
    files: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Upload:
    """Keep what an upload form brought, for a day at most.

    `files` are those that will be fetched from elsewhere, `more` is what else was said.
    """
    _forget_old()
    uploaded = dict(_uploaded(values))
    corpus = values.get("corpus")
    upload = Upload(
        token=secrets.token_urlsafe(24),
        user=user.pk,
        name=values["name"],
        origin=values.get("origin", ""),
        licence=values.get("licence", ""),
        files={kept: str(one.name) for kept, one in uploaded.items()} | dict(files or {}),
        what=what,
        more={
            "visibility": values.get("visibility", ""),
            "corpus": corpus.pk if corpus else None,
            **(more or {}),
        },
    )
    upload.folder.mkdir(parents=True, mode=0o700)
    for kept, one in uploaded.items():
        with (upload.folder / kept).open("wb") as file:
            file.writelines(one.chunks())
    (upload.folder / ABOUT).write_text(json.dumps(asdict(upload)))
    return upload


def _uploaded(values: Mapping[str, Any]) -> Iterator[tuple[str, UploadedFile]]:
    """Yield (name to keep it under, file): never a name that came from outside."""
    for field_name, value in values.items():
        if isinstance(value, UploadedFile):
            yield field_name, value
        elif field_name == DOCUMENTS:
            yield from ((f"document-{n}", one) for n, one in enumerate(value, 1))


def kept(user: User, token: str, what: str = Imports.CASES) -> Upload:
    """Return what this person uploaded under a token; raise 404."""
    upload = still_kept(user, token, what)
    if upload is None:
        raise Http404
    return upload


def still_kept(user: User, token: str, what: str) -> Upload | None:
    """Return what this person uploaded under a token, None if it is gone or not theirs."""
    upload = found(token)
    is_theirs = upload is not None and (upload.user, upload.what) == (user.pk, what)
    return upload if is_theirs else None


def found(token: str) -> Upload | None:
    """Return what was uploaded under a token, None if it is not there."""
    # The path is made only of what can be nothing but a token.
    if not TOKEN.fullmatch(token):
        return None
    about = _home() / token / ABOUT
    return Upload(**json.loads(about.read_text())) if about.is_file() else None


def note(upload: Upload, **more: Any) -> None:
    """Note what became of an upload: a second click finds that instead of doing it again.

    Its files are deleted with the old ones, as another request may be reading them now.
    """
    told = replace(upload, more=upload.more | more)
    written = upload.folder / f"{ABOUT}.new"
    written.write_text(json.dumps(asdict(told)))
    written.replace(upload.folder / ABOUT)


def forget(upload: Upload) -> None:
    """Delete an upload's files."""
    shutil.rmtree(upload.folder, ignore_errors=True)


def _home() -> Path:
    return Path(settings.VAR_DIR) / "uploads"


def _forget_old() -> None:
    """Delete uploads that nobody came back to, and that no import is reading."""
    if not _home().exists():
        return
    in_use = set(Import.objects.open().values_list("upload", flat=True))
    for folder in _home().iterdir():
        is_old = folder.stat().st_mtime < time.time() - KEPT_SECONDS
        if is_old and folder.name not in in_use:
            shutil.rmtree(folder, ignore_errors=True)
