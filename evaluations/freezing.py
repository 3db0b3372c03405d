"""The only writer of case sets and corpora: checked, written unseen, then ready all at once."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Min, Sum
from django.utils.text import slugify
from django.utils.translation import gettext as _

from decisions import clock
from decisions.models import User
from decisions.policies import BadInput
from evaluations.importers.cases import (
    CaseFile,
    CaseRow,
    Columns,
    Survey,
    read_cases,
    shape_of_all,
)
from evaluations.importers.documents import (
    DocumentFile,
    DocumentRow,
    DocumentSurvey,
    read_documents,
)
from evaluations.importers.rows import Unreadable
from evaluations.jobs import Job, discard_drafts, own_job
from evaluations.models import (
    Case,
    CaseKind,
    CaseSet,
    Corpus,
    Document,
    Imports,
    ImportStep,
    Readers,
    Split,
)
from evaluations.models.frozen import Frozen
from evaluations.scorers import normalised

LONGEST_NAME = 100
LONGEST_LICENCE = 200
SHOWN = 5  # examples kept of each finding
PER_EXAMPLE = 6  # cases kept of one input that occurs again and again
TAKEN = {"", "new"}  # the page for a new one has this address


@dataclass(frozen=True)
class Imported:
    """What an import came to: the case set, and whether its content was new."""

    case_set: CaseSet
    is_new: bool


@dataclass(frozen=True)
class ImportedCorpus:
    """What an import came to: the corpus, and whether its content was new."""

    corpus: Corpus
    is_new: bool


@dataclass(frozen=True)
class About:
    """What is said of what is brought in; without readers, those of the version before."""

    name: str
    origin: str = ""
    licence: str = ""
    visibility: str = ""
    by: User | None = None

    def __post_init__(self) -> None:
        """Raise `BadInput` for what a column cannot hold."""
        if not 0 < len(self.name.strip()) <= LONGEST_NAME:
            told = {"n": LONGEST_NAME}
            raise BadInput(_("A name has at most %(n)s characters.") % told)
        if len(self.licence) > LONGEST_LICENCE:
            told = {"n": LONGEST_LICENCE}
            raise BadInput(_("A licence has at most %(n)s characters.") % told)
        if self.visibility not in {"", *Readers.values}:
            raise BadInput(_("Nobody knows who may read it."))

    def slug(self, prefix: str, digest: str) -> str:
        """Return the name for addresses."""
        slug = slugify(self.name)[:120]
        return f"{prefix}-{slug or digest[:8]}" if slug in TAKEN else slug

    def values(self, slug: str, every: Any) -> dict[str, Any]:
        """Return what is kept of it."""
        before = every.filter(slug=slug, is_ready=True).order_by("-version").first()
        readers = self.visibility or (before.visibility if before else Readers.EVERYONE)
        return {
            "name": self.name.strip(),
            "slug": slug,
            "origin": self.origin,
            "licence": self.licence,
            "visibility": readers,
            "created_by": self.by,
            "created_at": clock.now(),
        }


@dataclass(frozen=True)
class CaseMaterial:
    """What cases are read from, and how; without a kind they are labels, or what the shape says."""

    files: Sequence[CaseFile]
    columns: Columns
    labels: list[dict[str, str]] | None = None
    kind: str = ""
    corpus: Corpus | None = None

    def survey(self, corpus_digest: str = "", *, remembers: bool = False) -> Survey:
        """Return an empty survey for these cases."""
        shape = shape_of_all(self.files)
        kind = shape.kind if shape else self.kind or CaseKind.CLASSIFICATION
        return Survey(list(self.labels or []), kind, corpus_digest, remembers)

    @property
    def passages(self) -> list[DocumentFile]:
        """Return the files as documents, where the cases bring their own."""
        shape = shape_of_all(self.files)
        if self.corpus is not None or shape is None or not shape.has_passages:
            return []
        return [DocumentFile(one.path, f"{one.title}", one.split) for one in self.files]


def import_case_set(
    *,
    name: str,
    files: Sequence[CaseFile],
    columns: Columns,
    labels: list[dict[str, str]] | None = None,
    kind: str = "",
    corpus: Corpus | None = None,
    origin: str = "",
    licence: str = "",
    visibility: str = "",
    by: User | None = None,
) -> Imported:
    """Freeze the cases of some files under a name, in this process: all of them or none.

    The files are read twice, so that nothing is written before everything was checked. The cases
    are written in short transactions that nobody sees the outcome of; the last one makes the case
    set ready. Content that is known under the name already is returned as it is; other content
    becomes the next version. Raises `BadInput`.
    """
    about = About(name, origin, licence, visibility, by)
    material = CaseMaterial(files, columns, labels, kind, corpus)
    with own_job(Imports.CASES, name, [one.title for one in files], by) as job:
        return freeze_cases(job, about, material)


def import_corpus(
    *,
    name: str,
    files: Sequence[DocumentFile],
    origin: str = "",
    licence: str = "",
    visibility: str = "",
    by: User | None = None,
) -> ImportedCorpus:
    """Freeze the documents of some files under a name, in this process; raise `BadInput`."""
    about = About(name, origin, licence, visibility, by)
    with own_job(Imports.DOCUMENTS, name, [one.title for one in files], by) as job:
        return freeze_corpus(job, about, files)


# Case sets


def freeze_cases(job: Job, about: About, material: CaseMaterial) -> Imported:
    """Do the whole import for a job that is held; raise `BadInput`, or `Lost` if it is not."""
    job.step(ImportStep.CHECKING)
    documents = _surveyed_documents(job, material.passages) if material.passages else None
    survey = _surveyed_cases(job, material, documents)
    slug = about.slug("case-set", survey.digest)
    if found := CaseSet.objects.filter(slug=slug, digest=survey.digest).first():
        job.finish(_("It was there already."), case_set=found, corpus=found.corpus)
        return Imported(found, is_new=False)
    corpus = material.corpus
    if documents is not None:
        corpus = _corpus_for(job, about, material.passages, documents)
    draft = _draft_of_cases(job, about.values(slug, CaseSet.everything), survey, corpus)
    job.step(ImportStep.WRITING, survey.total)
    _write_cases(job, draft, material, survey)
    job.step(ImportStep.COMPARING)
    found_in = findings(draft)
    job.hold()
    shown = examples(draft, found_in)
    return _ready_cases(job, draft, {"findings": found_in, "examples": shown})


def _surveyed_cases(job: Job, material: CaseMaterial, documents: DocumentSurvey | None) -> Survey:
    corpus = material.corpus
    digest = documents.digest if documents else corpus.digest if corpus else ""
    survey = material.survey(digest)
    for _case in job.watched(read_cases(material.files, material.columns, survey)):
        pass
    if not survey.counts:
        raise Unreadable(_("There are no cases in this file."))
    return survey


def _draft_of_cases(
    job: Job, about: dict[str, Any], survey: Survey, corpus: Corpus | None
) -> CaseSet:
    """Write a case set that nobody sees yet, and note that it is this job's."""
    with transaction.atomic():
        draft = CaseSet.everything.create(
            **about,
            version=0,
            is_ready=False,
            kind=survey.kind,
            digest=survey.digest,
            labels=survey.labels if survey.kind == CaseKind.CLASSIFICATION else [],
            counts=dict(survey.counts),
            corpus=corpus,
        )
        job.hold(case_set=draft)
    return draft


def _write_cases(job: Job, draft: CaseSet, material: CaseMaterial, checked: Survey) -> None:
    """Write the cases; raise `BadInput` if they do not fit, or are not what they were."""
    survey = material.survey(checked.corpus)
    rows = enumerate(read_cases(material.files, material.columns, survey))
    cases = (_as_case(draft, place, row) for place, row in rows)
    try:
        job.write(_with_known_documents(draft, cases))
    except IntegrityError as error:
        raise BadInput(_twice(_first_twice(draft, material))) from error
    if survey.digest != draft.digest:
        raise BadInput(_("The file changed while it was being read."))


def _twice(key: str) -> str:
    return _(
        "The id “%(key)s” occurs twice. Leave the id column out to have the cases numbered."
    ) % {"key": key}


def _first_twice(draft: CaseSet, material: CaseMaterial) -> str:
    """Return the first id that occurs twice: what was not written yet is compared, too."""
    survey = material.survey(draft.corpus.digest if draft.corpus else "")
    written = draft.cases.count()
    unwritten: set[str] = set()
    for place, row in enumerate(read_cases(material.files, material.columns, survey)):
        if place < written:
            continue
        if row.key in unwritten or draft.cases.filter(key=row.key).exists():
            return row.key
        unwritten.add(row.key)
    return ""


def _with_known_documents(draft: CaseSet, cases: Iterable[Case]) -> Iterator[Case]:
    """Yield the cases; raise `BadInput` for one that names a document its corpus lacks."""
    known: set[str] = set()
    for case in cases:
        for key in case.relevant:
            if key not in known:
                _refuse_unknown(draft, case, key)
                known.add(key)
        yield case


def _refuse_unknown(draft: CaseSet, case: Case, key: str) -> None:
    if draft.corpus is None or not draft.corpus.documents.filter(key=key).exists():
        told = {"case": case.key, "key": key, "corpus": draft.corpus}
        raise BadInput(
            _("Case “%(case)s” names the document “%(key)s”, which %(corpus)s lacks.") % told
        )


def _as_case(case_set: CaseSet, position: int, row: CaseRow) -> Case:
    return Case(
        case_set=case_set,
        key=row.key,
        split=row.split,
        input=row.input,
        expected=row.expected,
        references=list(row.references),
        relevant=list(row.relevant),
        position=position,
        input_digest=digest_of_text(row.input),
    )


def _ready_cases(job: Job, draft: CaseSet, values: dict[str, Any]) -> Imported:
    """Let everyone see the case set, with its corpus if that is new, unless it is there already."""
    found = _first_to_be_ready(job, CaseSet, draft, values)
    if found == draft:
        return Imported(draft, is_new=True)
    discard_drafts()
    return Imported(found, is_new=False)


def _first_to_be_ready(job: Job, model: Any, draft: Any, values: dict[str, Any]) -> Any:
    """Return the draft, made ready, or what has the same content and was quicker.

    Where somebody takes the same place among the versions at the same moment, it is tried again.
    """
    for _attempt in range(5):
        try:
            with transaction.atomic():
                # The row of the import first: whoever lost it changes nothing here.
                job.hold()
                known = model.objects.filter(slug=draft.slug, digest=draft.digest)
                found = known.first() or made_ready(model, draft, values)
                outcome = "" if found == draft else _("It was there already.")
                job.finish(outcome, **_made(found))
                return found
        except IntegrityError:
            continue
    raise BadInput(_("Something else came in under this name just now: try again."))


def _made(found: Frozen) -> dict[str, Any]:
    """Return what an import came to, by the names of its row's columns."""
    if isinstance(found, CaseSet):
        return {"case_set": found, "corpus": found.corpus}
    return {"corpus": found}


def made_ready(model: Any, draft: Any, values: dict[str, Any]) -> Any:
    """Give a draft its place among the versions, its corpus first; inside a transaction."""
    corpus = getattr(draft, "corpus", None)
    if corpus is not None and not corpus.is_ready:
        made_ready(Corpus, corpus, {})
    versions = model.everything.filter(slug=draft.slug, is_ready=True)
    # On PostgreSQL two may come here at once: the newest version's row makes one of them wait.
    latest = versions.select_for_update().order_by("-version").first()
    draft.version, draft.is_ready = (latest.version if latest else 0) + 1, True
    draft.created_at = clock.now()
    for name, value in values.items():
        setattr(draft, name, value)
    draft.save(update_fields=["version", "is_ready", "created_at", *values])
    if model is CaseSet and draft.version > 1:
        # If the queue cannot be reached, what rests on the version before is found within minutes.
        transaction.on_commit(_look_for_stale, robust=True)
    return draft


def _look_for_stale() -> None:
    """Have a worker mark what rests on earlier versions."""
    from evaluations.tasks import mark_stale_evidence

    mark_stale_evidence.delay()


def findings(case_set: CaseSet) -> dict[str, int]:
    """Return what a reader should know: cases whose input occurs more than once.

    `duplicates` repeat within their split; `overlaps` are test cases whose input a technique also
    learns from; `contradictions` are inputs with more than one expected answer.
    """
    repeated = _repeated(case_set).aggregate(cases=Sum("n"), inputs=Count("n"))
    return {
        "duplicates": (repeated["cases"] or 0) - repeated["inputs"],
        "overlaps": _overlapping(case_set).count(),
        "contradictions": _contradicting(case_set).count(),
    }


def examples(case_set: CaseSet, found: dict[str, int]) -> dict[str, list[list[str]]]:
    """Return the first inputs of each finding there is, each as the keys of its first cases."""
    rows = {
        "duplicates": _repeated(case_set),
        "overlaps": _overlapping(case_set),
        "contradictions": _contradicting(case_set),
    }
    digests = {
        name: list(dict.fromkeys(rows[name].values_list("input_digest", flat=True)[: 4 * SHOWN]))
        for name, count in found.items()
        if count
    }
    keys = _keys_by_input(case_set, {one for some in digests.values() for one in some[:SHOWN]})
    return {name: [keys[one] for one in some[:SHOWN]] for name, some in digests.items()}


def _keys_by_input(case_set: CaseSet, digests: set[str]) -> dict[str, list[str]]:
    """Return the keys of the first cases of each of some inputs."""
    found: dict[str, list[str]] = {}
    cases = case_set.cases.filter(input_digest__in=digests).order_by("position")
    for digest, key in cases.values_list("input_digest", "key").iterator() if digests else ():
        keys = found.setdefault(digest, [])
        if len(keys) < PER_EXAMPLE:
            keys.append(key)
    return found


def _repeated(case_set: CaseSet) -> Any:
    cases = case_set.cases.order_by().values("split", "input_digest")
    return cases.annotate(n=Count("pk")).filter(n__gt=1)


def _contradicting(case_set: CaseSet) -> Any:
    """Return the inputs whose least answer is not their greatest."""
    answers = case_set.cases.order_by().values("input_digest")
    answers = answers.annotate(least=Min("expected"), greatest=Max("expected"))
    return answers.exclude(least=F("greatest"))


def _overlapping(case_set: CaseSet) -> Any:
    learnt = case_set.cases.order_by().filter(split__in=[Split.TRAIN, Split.DEV])
    tested = case_set.cases.order_by().filter(split=Split.TEST)
    return tested.filter(input_digest__in=learnt.values("input_digest"))


# Corpora


def freeze_corpus(job: Job, about: About, files: Sequence[DocumentFile]) -> ImportedCorpus:
    """Do the whole import for a job that is held; raise `BadInput`, or `Lost` if it is not."""
    job.step(ImportStep.CHECKING)
    survey = _surveyed_documents(job, files)
    corpus = _corpus_for(job, about, files, survey)
    if corpus.is_ready:
        job.finish(_("It was there already."), corpus=corpus)
        return ImportedCorpus(corpus, is_new=False)
    found = _first_to_be_ready(job, Corpus, corpus, {})
    if found == corpus:
        return ImportedCorpus(corpus, is_new=True)
    discard_drafts()
    return ImportedCorpus(found, is_new=False)


def _surveyed_documents(job: Job, files: Sequence[DocumentFile]) -> DocumentSurvey:
    survey = DocumentSurvey()
    for _row in job.watched(read_documents(files, survey)):
        pass
    if not survey.total:
        raise Unreadable(_("There are no documents in these files."))
    return survey


def _corpus_for(
    job: Job, about: About, files: Sequence[DocumentFile], survey: DocumentSurvey
) -> Corpus:
    """Return the corpus with this content, or write one that nobody sees yet."""
    slug = about.slug("corpus", survey.digest)
    found: Corpus | None = Corpus.objects.filter(slug=slug, digest=survey.digest).first()
    if found is not None:
        return found
    with transaction.atomic():
        draft = Corpus.everything.create(
            **about.values(slug, Corpus.everything),
            version=0,
            is_ready=False,
            digest=survey.digest,
            documents_count=survey.total,
            characters=survey.characters,
        )
        job.hold(corpus=draft)
    job.step(ImportStep.WRITING, survey.total)
    _write_documents(job, draft, files)
    return draft


def _write_documents(job: Job, draft: Corpus, files: Sequence[DocumentFile]) -> None:
    survey = DocumentSurvey()
    rows = enumerate(read_documents(files, survey))
    try:
        job.write(_as_document(draft, place, row) for place, row in rows)
    except IntegrityError as error:
        raise BadInput(_("The id of a document occurs twice.")) from error
    if survey.digest != draft.digest:
        raise BadInput(_("The file changed while it was being read."))
    said = draft.documents.order_by().values("text_digest").distinct().count()
    Corpus.everything.filter(pk=draft.pk).update(duplicates=survey.total - said)
    draft.duplicates = survey.total - said


def _as_document(corpus: Corpus, position: int, row: DocumentRow) -> Document:
    return Document(
        corpus=corpus,
        key=row.key,
        title=row.title,
        text=row.text,
        metadata=row.metadata,
        position=position,
        text_digest=digest_of_text(row.text),
    )


def digest_of_text(text: str) -> str:
    """Return the SHA-256 (hex) of a text without differences of case and spacing."""
    return hashlib.sha256(normalised(text).encode()).hexdigest()
