"""Results on their way in through the browser: fetched if need be, looked through, brought in.

A worker does both: first it looks through the file and keeps what it found with the import's row;
once a person has said which system is which candidate, a second import brings those in.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from decisions.crypto import decrypt, encrypt
from decisions.models import Candidate, Decision, User
from decisions.policies import BadInput, ensure
from evaluations import uploads
from evaluations.bringing import Plan, bring_in_results
from evaluations.importers.measured import Source
from evaluations.importers.results import generic, ragas
from evaluations.importers.results.mlflow_server import fetch
from evaluations.importers.results.registry import detected, format_named
from evaluations.importers.surveying import surveyed
from evaluations.jobs import Job
from evaluations.models import CaseSet, Import, Imports
from evaluations.uploads import Upload

MAPPED = {generic.FORMAT.key, ragas.FORMAT.key}
SHOWN_SYSTEMS = 100
SHOWN_FIGURES = 12
KEPT = "results"


def keep_results(decision: Decision, values: Mapping[str, Any], *, by: User) -> Upload:
    """Keep a file of results, or where an MLflow server has one, until they are in.

    The server's token is kept encrypted, with the upload and no longer.
    """
    ensure("measure", decision, by)
    more: dict[str, Any] = {"record": decision.reference}
    if file := values.get(KEPT):
        told = {"name": file.name, KEPT: file}
        return uploads.keep(by, told, Imports.RESULTS, more=more)
    more["mlflow"] = {
        "address": values["tracking_uri"],
        "run": values["run_id"],
        "token": encrypt(values["token"]) if values["token"] else "",
    }
    name = f"mlflow-{values['run_id']}.json"
    return uploads.keep(by, {"name": name}, Imports.RESULTS, files={KEPT: name}, more=more)


def request_look(
    upload: Upload, *, by: User, format_key: str = "", columns: Mapping[str, str] | None = None
) -> Import:
    """Ask a worker to find out what is in a file; nothing comes in."""
    from evaluations.intake import asked_for

    asked = {"format": format_key, "columns": dict(columns or {})}
    return asked_for(upload, {"record": upload.more["record"], **asked}, by)


def request_results(
    look: Import,
    decision: Decision,
    candidates: Mapping[str, Candidate],
    *,
    by: User,
    case_set: CaseSet | None = None,
    attach: bool = True,
) -> Import:
    """Ask a worker to bring in some systems of a file that was looked through."""
    from evaluations.intake import asked_for

    ensure("measure", decision, by)
    upload = uploads.found(look.upload)
    if upload is None:
        raise BadInput(_("The files are no longer there: upload them again."))
    asked = {
        "record": decision.reference,
        "format": look.options["survey"]["format"],
        "columns": look.options.get("columns", {}),
        "candidates": {key: one.pk for key, one in candidates.items()},
        "case_set": case_set.pk if case_set else None,
        "attach": attach,
    }
    return asked_for(upload, asked, by)


def do_results(job: Job, row: Import, upload: Upload, by: User) -> None:
    """Do what was asked for; raise `BadInput`, or `Lost` if the job is no longer ours."""
    source = _source(upload, row.options.get("columns", {}))
    if row.is_look:
        _fetch(job, upload, source.path)
        job.hold(options={**row.options, "survey": _survey(job, source, row.options)})
        return job.finish()
    bring_in_results(job, _plan(source, row.options, by))
    uploads.forget(upload)
    return None


def _source(upload: Upload, columns: Mapping[str, str]) -> Source:
    return Source(upload.folder / KEPT, upload.files[KEPT], dict(columns))


def _fetch(job: Job, upload: Upload, path: Path) -> None:
    """Fetch what a tracking server has, once."""
    told = upload.more.get("mlflow")
    if told and not path.exists():
        token = decrypt(told["token"]) if told["token"] else ""
        fetch(told["address"], told["run"], token, upload.folder, job.beat).rename(path)


def _survey(job: Job, source: Source, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file holds as plain JSON; a table that nobody understands says its columns."""
    form = format_named(asked["format"]) if asked.get("format") else detected(source)
    columns = generic.columns_of(source) if form.key in MAPPED else []
    told: dict[str, Any] = {"format": form.key, "columns": columns}
    try:
        found = surveyed(source, form, job.watched).as_plain()
    except BadInput as sentence:
        if not columns:
            raise
        return told | {"problem": str(sentence), "systems": [], "not_understood": []}
    hidden = len(found["systems"]) - SHOWN_SYSTEMS
    found["systems"] = found["systems"][:SHOWN_SYSTEMS]
    for one in found["systems"]:
        one["figures"] = one["figures"][:SHOWN_FIGURES]
    return told | found | {"hidden": max(0, hidden)}


def _plan(source: Source, asked: Mapping[str, Any], by: User) -> Plan:
    """Return what was asked for as a plan; raise `BadInput` for what is no longer there."""
    known = Candidate.objects.select_related("decision").in_bulk(asked["candidates"].values())
    case_set = CaseSet.objects.filter(pk=asked["case_set"]).first()
    if len(known) < len(set(asked["candidates"].values())) or (asked["case_set"] and not case_set):
        raise BadInput(_("The candidate or the case set that was chosen is no longer there."))
    return Plan(
        source,
        format_named(asked["format"]),
        {key: known[pk] for key, pk in asked["candidates"].items()},
        by,
        case_set,
        asked["attach"],
    )
