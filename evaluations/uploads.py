"""Files of a case set between their upload and the moment someone says what their columns hold."""

import json
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404

from decisions.models import User
from evaluations.importers.cases import CaseFile
from evaluations.models import Split

KEPT_SECONDS = 24 * 3600
TOKEN = re.compile(r"^[\w-]{20,60}$")
ABOUT = "about.json"


@dataclass(frozen=True)
class Upload:
    """What one person uploaded; `files` maps the form's field to the file's own name."""

    token: str
    user: int
    name: str
    origin: str
    licence: str
    files: dict[str, str]

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
    def labels(self) -> Path | None:
        """Return the file of labels, if there is one."""
        return self.folder / "labels" if "labels" in self.files else None


def keep(user: User, values: Mapping[str, Any]) -> Upload:
    """Keep what an upload form brought, for a day at most."""
    _forget_old()
    uploaded = {name: one for name, one in values.items() if isinstance(one, UploadedFile)}
    upload = Upload(
        token=secrets.token_urlsafe(24),
        user=user.pk,
        name=values["name"],
        origin=values["origin"],
        licence=values["licence"],
        files={name: str(one.name) for name, one in uploaded.items()},
    )
    upload.folder.mkdir(parents=True, mode=0o700)
    for name, one in uploaded.items():
        with (upload.folder / name).open("wb") as file:
            file.writelines(one.chunks())
    (upload.folder / ABOUT).write_text(json.dumps(asdict(upload)))
    return upload


def kept(user: User, token: str) -> Upload:
    """Return what this person uploaded under a token; raise 404."""
    about = _home() / token / ABOUT
    if not TOKEN.match(token) or not about.is_file():
        raise Http404
    upload = Upload(**json.loads(about.read_text()))
    if upload.user != user.pk:
        raise Http404
    return upload


def forget(upload: Upload) -> None:
    """Delete an upload's files."""
    shutil.rmtree(upload.folder, ignore_errors=True)


def _home() -> Path:
    return Path(settings.VAR_DIR) / "uploads"


def _forget_old() -> None:
    """Delete uploads that nobody came back to."""
    if not _home().exists():
        return
    for folder in _home().iterdir():
        if folder.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
