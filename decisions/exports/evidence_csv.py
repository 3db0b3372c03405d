"""A record's evidence as a table for spreadsheets: CSV (RFC 4180), UTF-8 with its mark.

What people typed never becomes a formula there: a text that a program would compute is preceded by
an apostrophe. Numbers are numbers, the negative ones too.
"""

import csv
import json
import re
from io import StringIO
from typing import Any

from django.conf import settings

from decisions.models import Candidate, Decision, Evidence, Goal

# How a formula begins (OWASP, "CSV Injection"); the wide forms count where such keyboards are.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What ends a cell in one program or another: some part at semicolons or tabs, some mind no quotes.
PARTS_CELLS = re.compile(r"([,;\t\r\n\x85\u2028\u2029])")

COLUMNS = (
    *("record", "version", "evidence", "candidate", "candidate_name", "compared_with", "kind"),
    *("metric", "metric_name", "value", "low", "high", "interval_method", "n", "unit"),
    *("goal", "goal_direction", "goal_target", "goal_worst_acceptable", "goal_is_must"),
    *("method", "origin", "origin_url", "source_digest", "conditions"),
    *("attached_at", "attached_by", "out_of_date_because"),
    *("withdrawn_at", "withdrawn_by", "withdrawn_reason"),
)


def evidence_csv(decision: Decision) -> bytes:
    """Return all evidence, withdrawn too, a row each, with the goal that is set on its metric."""
    goals = {one.metric: one for one in decision.accepted_goals}
    out = StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for one in decision.evidence.all():
        told = _measured(decision, one) | _goal(goals.get(one.metric)) | _standing(one)
        table.writerow([safe_cell(_rounded(told[name])) for name in COLUMNS])
    return out.getvalue().encode("utf-8-sig")


def _rounded(value: Any) -> Any:
    """Return a number without what computing left at its end: 12 significant digits."""
    is_broken = isinstance(value, float) and not value.is_integer()
    return float(f"{value:.12g}") if is_broken else value


def safe_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers stay what they are."""
    if not isinstance(value, str):
        return value
    first, *rest = PARTS_CELLS.split(value)
    whole = f"'{first}" if _computes(first) or value.startswith(FORMULA) else first
    return whole + "".join(f"'{one}" if _computes(one) else one for one in rest)


def _computes(text: str) -> bool:
    """Return whether a text begins like a formula, whatever blank or unseen stands before it.

    A quotation mark is passed over too: a program takes it off where it opens a cell.
    """
    start = next((one for one in text if one.isprintable() and one not in ' "'), "")
    return start.startswith(FORMULA)


def _measured(decision: Decision, one: Evidence) -> dict[str, Any]:
    return {
        "record": decision.reference,
        "version": decision.version,
        "evidence": one.reference,
        "candidate": one.candidate.letter,
        "candidate_name": one.candidate.name,
        "compared_with": _letter(one.compared_with),
        "kind": one.kind,
        "metric": one.metric,
        "metric_name": one.metric_name,
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "interval_method": one.interval_method,
        "n": one.n,
        "unit": one.unit,
        "method": one.method,
        "origin": one.origin,
        "origin_url": _whole(one.origin_url),
        "source_digest": one.source_digest,
        "conditions": json.dumps(one.conditions, ensure_ascii=False, sort_keys=True),
    }


def _whole(address: str) -> str:
    """Return an address that leads there from anywhere; those of this installation are paths."""
    return f"{settings.PUBLIC_URL}{address}" if address.startswith("/") else address


def _goal(goal: Goal | None) -> dict[str, Any]:
    return {
        "goal": goal.name if goal else "",
        "goal_direction": goal.direction if goal else "",
        "goal_target": goal.target if goal else None,
        "goal_worst_acceptable": goal.worst_acceptable if goal else None,
        "goal_is_must": ("yes" if goal.is_must else "no") if goal else "",
    }


def _standing(one: Evidence) -> dict[str, Any]:
    """Return when a piece of evidence came, and whether it still counts."""
    return {
        "attached_at": one.attached_at.isoformat(),
        "attached_by": str(one.attached_by),
        "out_of_date_because": one.stale_because,
        "withdrawn_at": one.withdrawn_at.isoformat() if one.withdrawn_at else "",
        "withdrawn_by": str(one.withdrawn_by) if one.withdrawn_by else "",
        "withdrawn_reason": one.withdrawn_reason,
    }


def _letter(candidate: Candidate | None) -> str:
    return candidate.letter if candidate else ""
