"""The lock files: whole, with hashes, from no index of anyone's, and in agreement."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-finetune.txt")
PIN = re.compile(r"^([\w.\-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    """Return (package, version) of everything that a file locks."""
    return set(PIN.findall((ROOT / name).read_text()))


@pytest.mark.parametrize("name", FILES)
def test_everything_locked_has_a_hash_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"\n(?=\S)", text.strip())

    assert all("--hash=sha256:" in one for one in entries)
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("name", FILES[1:])
def test_the_larger_locks_hold_what_a_server_runs_on(name: str) -> None:
    assert pins(FILES[0]) <= pins(name)


def test_the_extra_is_locked_and_nothing_else_brings_pytorch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {re.split(r"[<>=]", one)[0] for one in project["optional-dependencies"]["finetune"]}

    assert extra <= {package for package, _version in pins("requirements-finetune.txt")}
    assert not extra & {package for package, _version in pins("requirements-dev.txt")}
