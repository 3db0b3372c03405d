"""Bringing evidence in from outside: which kinds there are, and a page for each."""

from collections.abc import Mapping

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from decisions.actions.evidence import SourceFile, add_evidence
from decisions.forms.typed import sent
from decisions.models import Candidate, Decision, Evidence, EvidenceKind
from decisions.policies import ensure
from decisions.views.shared import done, get_record, page, person, posted, status_of
from evaluations import uploads
from evaluations.evidence_forms import (
    STUDIES,
    STUDY_NAMES,
    EstimateForm,
    LoadFileForm,
    LoadTestForm,
    NumbersForm,
    StudyForm,
    columns_in,
    source_file,
)
from evaluations.importers.load import detected, load_file, read_load_test, requests
from evaluations.importers.load.found import LoadTest
from evaluations.importers.rows import Unreadable
from evaluations.load_tests import figures, measurements
from evaluations.uploads import Upload

LOAD_TEST, STUDY, KEPT = "load_test", "study", "load"
ATTACHED = "attached"  # what came of an upload, by name
LONGEST_ORIGIN = 200


@require_safe
def add(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the ways in which evidence comes to a record, and who uses which."""
    decision = get_record(request, reference)
    ensure("add_evidence", decision, person(request))
    return page(request, "evaluations/add_evidence.html", decision, studies=STUDY_NAMES)


def load_test(request: HttpRequest, reference: str) -> HttpResponse:
    """Take what a load tester wrote, if it can be read; nothing comes in yet."""
    decision = get_record(request, reference)
    form = sent(request, LoadFileForm(decision, posted(request), request.FILES or None))
    ensure("add_evidence", decision, person(request))
    if form.is_valid():
        try:
            return redirect(_kept(request, decision, form))
        except Unreadable as why:
            form.add_error("file", str(why))
    return page(request, "evaluations/load_test.html", decision, status_of(form), form=form)


def check_load_test(request: HttpRequest, reference: str, token: str) -> HttpResponse:
    """Show what would come in of a load test, ask under what it ran, and attach it."""
    decision = get_record(request, reference)
    ensure("add_evidence", decision, person(request))
    upload = uploads.kept(person(request), token, LOAD_TEST)
    candidate = _candidate(decision, upload)
    if names := upload.more.get(ATTACHED):
        return _done(request, decision, _("It is in already, as %(names)s.") % {"names": names})
    file = SourceFile(upload.name, (upload.folder / KEPT).read_bytes())
    columns = _columns(file)
    test, problem = _read(file, LoadTestForm(None, columns, request.POST).columns)
    # Looking again asks for nothing yet; what was typed stays.
    looks = "look" in request.POST
    typed = {name: value for name, value in request.POST.items() if value}
    answers = None if looks else posted(request)
    form = sent(request, LoadTestForm(test, columns, answers, initial=typed))
    if test and form.is_valid():
        found = _attach_load_test(request, candidate, file, test, form)
        uploads.note(upload, **{ATTACHED: _named(found)})
        return _attached(request, decision, found)
    context = {
        "form": form,
        "candidate": candidate,
        "upload": upload,
        "test": test,
        "problem": problem,
        "figures": figures(test) if test else [],
    }
    status = 422 if problem and request.method == "POST" else status_of(form)
    return page(request, "evaluations/check_load_test.html", decision, status, **context)


def study(request: HttpRequest, reference: str, what: str) -> HttpResponse:
    """Take what a study with people came to; what is read from a list is shown first."""
    if what not in STUDIES:
        raise Http404
    decision = get_record(request, reference)
    upload = _kept_file(request)
    form = sent(request, STUDIES[what](decision, posted(request), _files(request, upload)))
    ensure("add_evidence", decision, person(request))
    if form.is_valid() and form.is_settled:
        found = _attach_study(request, form)
        if upload:
            uploads.note(upload, **{ATTACHED: _named(found)})
        return _attached(request, decision, found)
    if form.is_valid() and isinstance(form, NumbersForm):
        form.show(_keep_file(request, form, upload))
    context = {"form": form, "title": STUDY_NAMES[what]}
    return page(request, "evaluations/study.html", decision, status_of(form), **context)


def estimate(request: HttpRequest, reference: str) -> HttpResponse:
    """Take what a person thinks a figure will be."""
    decision = get_record(request, reference)
    form = sent(request, EstimateForm(decision, posted(request), user=person(request)))
    ensure("add_evidence", decision, person(request))
    if form.is_valid():
        found = add_evidence(
            form.chosen,
            by=person(request),
            kind=EvidenceKind.ESTIMATE,
            measurements=[form.measurement()],
        )
        return _attached(request, decision, found)
    return page(request, "evaluations/estimate.html", decision, status_of(form), form=form)


def _kept(request: HttpRequest, decision: Decision, form: LoadFileForm) -> str:
    """Keep a file that can be read, for a day; return the address that shows what is in it."""
    uploaded = form.cleaned_data["file"]
    file = source_file(uploaded)
    # What the columns of a table hold can still be said.
    if file is not None and not _columns(file):
        read_load_test(file.name, file.content)
    more = {"record": decision.reference, "candidate": form.chosen.letter}
    told = {"name": str(uploaded.name), KEPT: uploaded}
    upload = uploads.keep(person(request), told, LOAD_TEST, more=more)
    return reverse("evaluations:check_load_test", args=[decision.reference, upload.token])


def _candidate(decision: Decision, upload: Upload) -> Candidate:
    """Return the candidate that an upload is about; 404 where it is another record's."""
    for one in decision.candidates.all():
        if upload.more["record"] == decision.reference and one.letter == upload.more["candidate"]:
            one.decision = decision
            return one
    raise Http404


def _columns(file: SourceFile) -> list[str]:
    """Return the columns of a table of requests; of what says itself what it holds, none."""
    text = load_file(file.name, file.content)
    is_table = detected(text).key == requests.FORMAT.key
    return columns_in(text.name, text.text) if is_table else []


def _read(file: SourceFile, columns: dict[str, str]) -> tuple[LoadTest | None, str]:
    """Return what a file says, or in a sentence why it says nothing yet."""
    try:
        return read_load_test(file.name, file.content, columns)[1], ""
    except Unreadable as why:
        return None, str(why)


def _attach_load_test(
    request: HttpRequest,
    candidate: Candidate,
    file: SourceFile,
    test: LoadTest,
    form: LoadTestForm,
) -> list[Evidence]:
    told = {"tool": test.tool, "file": file.name}
    origin = (_("Load test with %(tool)s: %(file)s") % told)[:LONGEST_ORIGIN]
    found = measurements(test, form.circumstances, origin=origin, source_digest=file.sha256)
    return add_evidence(
        candidate,
        by=person(request),
        kind=EvidenceKind.LOAD_TEST,
        measurements=found,
        file=file,
    )


def _attach_study(request: HttpRequest, form: StudyForm) -> list[Evidence]:
    return add_evidence(
        form.chosen,
        by=person(request),
        kind=EvidenceKind.STUDY,
        measurements=[form.measurement()],
        file=form.source,
        notes=form.notes,
    )


def _kept_file(request: HttpRequest) -> Upload | None:
    """Return the file of a study that was shown before, unless it is gone or another came."""
    if request.FILES:
        return None
    return uploads.still_kept(person(request), request.POST.get("kept", ""), STUDY)


def _files(request: HttpRequest, upload: Upload | None) -> Mapping[str, UploadedFile] | None:
    """Return the files that came, or else the one that is kept."""
    if upload is None:
        return request.FILES or None
    content = (upload.folder / KEPT).read_bytes()
    return {"file": SimpleUploadedFile(upload.name, content)}


def _keep_file(request: HttpRequest, form: StudyForm, upload: Upload | None) -> str:
    """Keep the file of a study until it is attached; return its token, "" where there is none."""
    uploaded = form.cleaned_data.get("file")
    if upload is None and uploaded:
        told = {"name": str(uploaded.name), KEPT: uploaded}
        upload = uploads.keep(person(request), told, STUDY)
    return upload.token if upload else ""


def _attached(request: HttpRequest, decision: Decision, found: list[Evidence]) -> HttpResponse:
    sentence = ngettext("%(names)s is attached.", "%(names)s are attached.", len(found))
    return _done(request, decision, sentence % {"names": _named(found)})


def _named(found: list[Evidence]) -> str:
    return ", ".join(one.reference for one in found)


def _done(request: HttpRequest, decision: Decision, sentence: str) -> HttpResponse:
    return done(request, reverse("decisions:evidence", args=[decision.reference]), sentence)
