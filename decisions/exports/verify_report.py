"""What checking a file came to: one plain verdict, then a line for everything that was looked at.

Its sentences are told as English messages with their values, and put into words where they are
read: in a reader's language where Django is set up, in English where the program runs alone. Only
what `audit_check` says of a log is English everywhere.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# Characters of a sentence, and of a report as JSON.
LONGEST, LONGEST_REPORT = 5_000, 1_000_000
# Findings of one check that came to the same; of what is more, how many there are is told.
MOST_ALIKE = 200


def noop(message: str) -> str:
    """Mark a message for translation, and return it as it is."""
    return message


_ = noop

TOO_MUCH = _("Reading it takes more time or memory than a document ever does.")


class State(StrEnum):
    """What became of one check."""

    OK = "ok"
    NOT_OK = "not ok"
    NOT_KNOWN = "not known"


class Verdict(StrEnum):
    """What a file is, taken together."""

    # Sealed by somebody who is trusted here, and nothing was changed since.
    INTACT = "intact"
    # Sealed, and nothing was changed since; but who sealed it is not known here.
    UNKNOWN_AUTHORITY = "unknown authority"
    # It agrees with itself, but bears no seal; whoever made it up could have made it agree.
    UNSEALED = "unsealed"
    NOT_INTACT = "not intact"
    # Nothing was found out, which is the checking's failure or the file's.
    NOT_CHECKED = "not checked"


# What a reader asks first, besides whether anything is wrong: by whom, for whom, and what since.
FIRST = {"sealed by", "signature", "signatures", "status", "since then"}
# What a record that no longer held when its file was made had come to.
ENDED = {
    "superseded": _("superseded by %(successor)s"),
    "withdrawn": _("withdrawn"),
}
DRAFTS = {"draft", "in_review"}
LAST = 3
# How a program says each to whoever started it; all others are 2.
STATUS = {Verdict.INTACT: 0, Verdict.NOT_INTACT: 1}
NO_VERDICT = 2


def in_language(message: str, values: dict[str, Any]) -> str:
    """Return a message in the reader's language with its values in their places.

    A value can be a message with values of its own, as `TellingError.told` has it. Django is asked
    only where the process has loaded and set it up already.
    """
    conf = sys.modules.get("django.conf")
    if conf is not None and conf.settings.configured:
        from django.utils.translation import gettext

        message = gettext(message)
    told = {
        name: in_language(**one) if isinstance(one, dict) else one for name, one in values.items()
    }
    return message % told if told else message


class TellingError(Exception):
    """An error that is kept as an English message with its values, to be told in any language."""

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return in_language(self.message, self.values)

    @property
    def told(self) -> dict[str, Any]:
        """Return it as plain JSON, for `in_language`."""
        return {"message": self.message, "values": self.values}


def in_words(moment: datetime) -> str:
    """Return a moment to the minute: "2026-11-21 20:04 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def plain(text: str) -> str:
    """Return a text that a file told as one line that can be shown anywhere.

    Without line ends, control characters and marks of direction, by which it could pass for more
    lines of the report, or turn them around; and not without end.
    """
    shown = "".join(one if one.isprintable() else " " for one in text[: LONGEST + 1])
    return shown if len(text) <= LONGEST else f"{shown[:LONGEST]}…"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what was found: a message and the values in it."""

    check: str
    state: State
    message: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what was looked at, in the reader's words."""
        return in_language(self.check, {})

    @property
    def sentence(self) -> str:
        """Return what was found as a sentence on one line."""
        return plain(in_language(self.message, self.values))

    @property
    def told(self) -> dict[str, Any]:
        """Return it as plain JSON, for `in_language`."""
        return {"message": self.message, "values": self.values}


@dataclass(slots=True)
class Report:
    """What is known of a file; digests and hashes are SHA-256 in hex, "" where there are none."""

    sha256: str = ""
    findings: list[Finding] = field(default_factory=list)
    # How many findings there were of each check and state, whether they are kept or not.
    counts: dict[str, int] = field(default_factory=dict)
    is_sealed: bool = False
    is_trusted: bool = False
    # Why it could not be checked; "" if it could.
    trouble: str = ""
    # Whether the very same bytes were made by who checks them.
    is_known: bool = False
    # What has happened to the record since, as far as who checks it knows.
    since: str = ""
    # What the record's status was when the file was made, and what had superseded it by then.
    record_status: str = ""
    successor: str = ""
    sealed_by: str = ""
    sealed_at: str = ""
    reason: str = ""
    reference: str = ""
    uid: str = ""
    digest: str = ""
    head_sequence: int | None = None
    head_hash: str = ""

    def add(self, check: str, state: State | bool, message: str, **values: Any) -> None:
        """Note one thing; True and False are "ok" and "not ok". `%(name)s` stands for a value."""
        if isinstance(state, bool):
            state = State.OK if state else State.NOT_OK
        key = f"{check}: {state}"
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] > MOST_ALIKE:
            return
        told = {name: plain(one) if isinstance(one, str) else one for name, one in values.items()}
        self.findings.append(Finding(check, state, message, told))

    def tell_more(self) -> None:
        """Say of how many findings no more is told, once all there is was looked at."""
        message = _("Of %(count)s more like these nothing is told.")
        for key, count in self.counts.items():
            if count > MOST_ALIKE:
                check, _colon, state = key.rpartition(": ")
                # That the others hold is not said: signatures that do may be found to have lapsed.
                told = State.NOT_OK if state == State.NOT_OK else State.NOT_KNOWN
                self.findings.append(Finding(check, told, message, {"count": count - MOST_ALIKE}))

    def tell_lapsed(self, held: str, message: str) -> None:
        """Say of what was found to hold in the file with one message what another says by now."""
        self.findings = [
            replace(one, state=State.NOT_KNOWN, message=message) if one.message == held else one
            for one in self.findings
        ]

    @property
    def outcome(self) -> str:
        """Return what became of the record: as who checks it knows, or else as the file says."""
        if self.since or self.record_status not in ENDED:
            return self.since
        return in_language(ENDED[self.record_status], {"successor": self.successor})

    @property
    def first(self) -> list[Finding]:
        """Return what is read first: what is wrong, then who made, sealed and signed it."""
        return sorted((one for one in self.findings if self._rank(one) < LAST), key=self._rank)

    def _rank(self, one: Finding) -> int:
        """Return how early one is read, from 0; `LAST` for what is read only if it is asked for."""
        if one.state == State.NOT_OK:
            return 0
        if self.is_known and one.check == "made here":
            return 1
        return 2 if one.check in FIRST else LAST

    @property
    def besides(self) -> list[Finding]:
        """Return what else was looked at."""
        return [one for one in self.findings if self._rank(one) == LAST]

    @property
    def verdict(self) -> Verdict:
        """Return what all of it comes to: one thing that is not ok is enough."""
        if any(one.state == State.NOT_OK for one in self.findings):
            return Verdict.NOT_INTACT
        if self.trouble or not self.findings:
            return Verdict.NOT_CHECKED
        if not self.is_sealed:
            return Verdict.UNSEALED
        return Verdict.INTACT if self.is_trusted else Verdict.UNKNOWN_AUTHORITY

    @property
    def is_intact(self) -> bool:
        """Return whether somebody who is trusted vouches for the file as it is."""
        return self.verdict == Verdict.INTACT

    @property
    def status(self) -> int:
        """Return the exit status of a program that has checked the file."""
        return STATUS.get(self.verdict, NO_VERDICT)

    @property
    def sentence(self) -> str:
        """Return the verdict in a sentence."""
        wrong = (one.sentence for one in self.findings if one.state == State.NOT_OK)
        values = {"by": self.sealed_by, "at": self.sealed_at, "since": self.outcome}
        trouble = in_language(self.trouble, {}) if self.trouble else ""
        values["why"] = next(wrong, trouble)
        return plain(in_language(self._message, values))

    @property
    def _message(self) -> str:
        """Return the verdict's message, whose values are `by`, `at`, `since` and `why`."""
        match self.verdict:
            case Verdict.INTACT if self.outcome:
                return _(
                    "Intact, but %(since)s. Sealed by %(by)s, %(at)s, and the file is unchanged."
                )
            case Verdict.INTACT:
                return _("Intact: sealed by %(by)s, %(at)s, and unchanged since.")
            case Verdict.UNKNOWN_AUTHORITY:
                return _(
                    "Unchanged since it was sealed by “%(by)s”, but by an authority "
                    "that is not known here: anyone can give themselves that name."
                )
            case Verdict.UNSEALED if self.is_known and self.record_status in DRAFTS:
                return _(
                    "A draft made here, unchanged. It has no seal, so only this installation "
                    "can confirm it."
                )
            case Verdict.UNSEALED if self.is_known:
                return _(
                    "Made here, unchanged. It has no seal, so only this installation "
                    "can confirm it."
                )
            case Verdict.UNSEALED:
                return _("There is no seal: nothing vouches for this file, or for who made it.")
            case Verdict.NOT_CHECKED if self.is_known:
                return _("Made here, byte by byte; nothing else of it can be checked: %(why)s")
            case Verdict.NOT_CHECKED:
                return _("This cannot be checked: %(why)s")
        return _("Not intact: %(why)s")

    def as_values(self) -> dict[str, Any]:
        """Return the report as plain JSON values, the verdict first."""
        told = {"verdict": str(self.verdict), "sentence": self.sentence}
        findings = [asdict(one) | {"sentence": one.sentence} for one in self.findings]
        return told | {"is_intact": self.is_intact} | asdict(self) | {"findings": findings}


def report_of(values: dict[str, Any]) -> Report:
    """Return the report that another process told as plain values."""
    told = {name: values[name] for name in Report.__dataclass_fields__ if name != "findings"}
    findings = [
        Finding(one["check"], State(one["state"]), one["message"], one["values"])
        for one in values["findings"]
    ]
    return Report(**told, findings=findings)


def shortened(report: Report) -> Report:
    """Return the report; of one that nobody could read to its end, that there was too much."""
    if len(json.dumps(report.as_values())) <= LONGEST_REPORT:
        return report
    return Report(sha256=report.sha256, trouble=TOO_MUCH)


def sentences(report: Report) -> str:
    """Return the report as lines: the verdict, then each finding."""
    lines = [f"  {one.state:<9}  {one.check}: {one.sentence}" for one in report.findings]
    if report.sha256:
        told = _("SHA-256 of the file: %(digest)s")
        lines.append(f"  {in_language(told, {'digest': report.sha256})}")
    return "\n".join([report.sentence, "", *lines])
