"""Values from files that nobody vouches for: what is not what it should be becomes None.

Two things are refused with a sentence, as nothing sensible can be kept of them: a text that is
longer than any answer, and characters that no database and no page can hold.
"""

import csv
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TextIO

from django.utils.translation import gettext as _

from evaluations.importers.measured import Found, NotUnderstood, Source
from evaluations.importers.rows import Unreadable, is_text

LONGEST_TEXT = 1_000_000  # characters of an input, an output or an error
LONGEST_NAME = 200
LONGEST_REMARK = 2_000
MOST = 2**31 - 1
MOST_REMARKS = 200
DEAREST = 10**9
LATEST_SECONDS = 4_102_444_800  # the year 2100; larger numbers are milliseconds
NO_TEXT = re.compile("[\0\ud800-\udfff]")
SECRETS = re.compile(r"secret|password|credential|authorization|(key|token)\Z", re.IGNORECASE)


@contextmanager
def sentences(source: Source) -> Iterator[None]:
    """Turn what goes wrong while a file is read into `Unreadable` with one sentence."""
    named = {"file": source.title}
    try:
        yield
    except Unreadable:
        raise
    except UnicodeDecodeError as error:
        raise Unreadable(_("%(file)s is not UTF-8 text.") % named) from error
    except OSError as error:
        told = {**named, "why": error.strerror or error}
        raise Unreadable(_("%(file)s cannot be read: %(why)s.") % told) from error
    except RecursionError as error:
        raise Unreadable(_("%(file)s is nested too deeply.") % named) from error
    except (ValueError, csv.Error) as error:
        raise Unreadable(f"{source.title}: {error}") from error


@contextmanager
def opened(source: Source) -> Iterator[TextIO]:
    """Open a text file, without a byte order mark and with its line ends as they are."""
    with sentences(source), source.path.open(encoding="utf-8-sig", newline="") as file:
        yield file


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Return a value as text, structures as canonical JSON, None as ""; raise ValueError."""
    found = value if isinstance(value, str) else "" if value is None else canonical(value)
    if len(found) > longest:
        raise ValueError(_("a text in it is longer than %(most)s characters.") % {"most": longest})
    if not is_text(found):
        raise ValueError(_("it holds characters that are not text."))
    return found


def legible(value: Any) -> Any:
    """Return JSON with ␀ and � in the place of characters that no database and no page can hold.

    Where real questions have such characters, they are told and the rest is kept.
    """
    if isinstance(value, str):
        return NO_TEXT.sub(lambda found: "␀" if found[0] == "\0" else "�", value)
    if isinstance(value, dict):
        return {legible(key): legible(one) for key, one in value.items()}
    return [legible(one) for one in value] if isinstance(value, list) else value


def name(value: Any) -> str:
    """Return the name of a model, a metric, a task …: text of sensible length, else ""."""
    return excerpt(text(value), LONGEST_NAME) if isinstance(value, str | int | float) else ""


def excerpt(value: Any, longest: int = LONGEST_REMARK) -> str:
    """Return a remark's text, broken off with … where it is long."""
    found = text(value)
    return found if len(found) <= longest else found[: longest - 1] + "…"


def number(value: Any) -> float | None:
    """Return a finite number, else None: truth values, texts, NaN and infinities are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """Return a count from 0 to 2³¹ - 1, else None."""
    found = number(value)
    return int(found) if found is not None and 0 <= found <= MOST and found == int(found) else None


def share(value: Any) -> float | None:
    """Return a score from 0 to 1, also of a truth value; None for anything else."""
    found = float(value) if isinstance(value, bool) else number(value)
    return found if found is not None and 0 <= found <= 1 else None


def money(value: Any) -> Decimal | None:
    """Return what was paid in US dollars; None for 0, which mostly means unknown."""
    found = number(value)
    return Decimal(str(found)) if found is not None and 0 < found < DEAREST else None


def milliseconds(value: Any) -> float | None:
    """Return a duration that can be one, else None."""
    found = number(value)
    return found if found is not None and 0 <= found <= MOST else None


def moment(value: Any) -> datetime | None:
    """Return a time stamp (ISO 8601 text, seconds or milliseconds since 1970) in UTC, else None."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        seconds = number(value)
        if seconds is None or seconds < 0:
            return None
        return datetime.fromtimestamp(seconds if seconds < LATEST_SECONDS else seconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []


def canonical(value: Any) -> str:
    """Return JSON that is the same for the same value wherever it was written."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def digest(value: Any) -> str:
    """Return 16 hex characters that stand for a value."""
    written = canonical(value).encode("utf-8", "backslashreplace")
    return hashlib.sha256(written).hexdigest()[:16]


def plain(value: Any) -> Any:
    """Return a setting as JSON that a database takes: no NaN, no secrets, no endless texts."""
    if isinstance(value, dict):
        return {name(key): plain(one) for key, one in value.items() if not SECRETS.search(key)}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str):
        return excerpt(value)
    if value is None or isinstance(value, bool):
        return value
    return value if number(value) is not None and abs(value) < 2**53 else str(number(value))


def chat(messages: list[Any]) -> str:
    """Return chat messages as text to read; one message of a user alone is its text."""
    told = [mapping(one) for one in messages]
    if len(told) == 1 and told[0].get("role") in (None, "user"):
        return text(told[0].get("content"))
    return "\n\n".join(f"{name(one.get('role'))}: {text(one.get('content'))}" for one in told)


class Repeats:
    """Numbers the answers of a system to a case in the order in which they come, from 0.

    Keeps about 100 bytes for each pair of system and case.
    """

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()
        self.most: Counter[str] = Counter()

    def number(self, system: str, key: str) -> int:
        """Return how many answers to this case came before; remember this one."""
        pair = hash((system, key))
        self._seen[pair] += 1
        self.most[system] = max(self.most[system], self._seen[pair])
        return self._seen[pair] - 1


class Graders:
    """How the answers of a system are graded, whichever order they come in.

    Keeps about 100 bytes for each way of grading.
    """

    def __init__(self) -> None:
        self._ways: set[str] = set()

    def note(self, told: Any) -> None:
        """Take into account how an answer is graded; what says nothing changes nothing."""
        if told:
            self._ways.add(digest(told))

    @property
    def settings(self) -> dict[str, str]:
        """Return the digest of all ways as a setting; nothing where the file tells of none."""
        return {"grader": digest(sorted(self._ways))} if self._ways else {}


class Once:
    """Refuses a case that comes in twice; keeps about 100 bytes for each."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def take(self, key: str, repeat: int) -> None:
        """Remember a case; raise ValueError if it was there before."""
        pair = hash((key, repeat))
        if pair in self._seen:
            told = {"key": excerpt(key, 60), "repeat": repeat + 1}
            raise ValueError(_("the case “%(key)s”, repeat %(repeat)s, is in it twice.") % told)
        self._seen.add(pair)


class Remarks:
    """What was not understood, told once with how often it occurred and where first."""

    def __init__(self) -> None:
        self._where: dict[str, str] = {}
        self._times: Counter[str] = Counter()

    def note(self, where: str, what: str) -> None:
        """Remember that this occurred here."""
        what = what if what in self._where or len(self._where) < MOST_REMARKS else _("and more")
        self._where.setdefault(what, where)
        self._times[what] += 1

    def found(self) -> Iterator[Found]:
        """Yield a remark for each thing that occurred."""
        for what, times in self._times.items():
            often = _("%(what)s (%(times)s times)") % {"what": what, "times": times}
            yield NotUnderstood(self._where[what], what if times == 1 else often)
