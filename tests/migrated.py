"""A SQLite database with every migration done, made once for all runs of the suite and copied.

Doing the migrations takes ten times as long as looking that they are done, and each process of each
run of the suite needs a database of its own.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".pytest_cache" / "migrated"


def copy_migrated(target: Path) -> None:
    """Put a database with every migration done at `target`; who comes first makes it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    made = KEPT / f"{_of_this_code()}.sqlite3"
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for older in KEPT.glob("*.sqlite3*"):
                older.unlink()
            _make(made)
        shutil.copyfile(made, target)


def _of_this_code() -> str:
    """Return a digest of all that migrations may read: the product's own code, and Django's."""
    digest = hashlib.sha256(f"{django.__version__} {sys.version}".encode())
    for folder in ("config", "decisions", "evaluations"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _make(path: Path) -> None:
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{making}"},
        check=True,
    )
    making.rename(path)
