"""What leaves: documents made from a record, and many of them in one file."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.exports.verify_report import in_language
from decisions.models.decision import Decision, Status
from decisions.models.people import User


class DocumentFormat(models.TextChoices):
    """What a record can leave as; a PDF that names no paper is on that of the installation.

    Only that one is ever sealed.
    """

    PDF = "pdf", _("PDF")
    PDF_A4 = "pdf-a4", _("PDF on A4 paper, without a seal")
    PDF_LETTER = "pdf-letter", _("PDF on Letter paper, without a seal")
    HTML = "html", _("Web page in one file (HTML)")
    MADR = "madr", _("Architecture decision record (MADR 4)")
    CSV = "csv", _("Evidence as a table (CSV)")
    JSON = "json", _("Archive (JSON)")


PDFS = (DocumentFormat.PDF, DocumentFormat.PDF_A4, DocumentFormat.PDF_LETTER)


class DocumentState(models.TextChoices):
    """How far an export has come."""

    REQUESTED = "requested", _("Waiting for a worker")
    RENDERING = "rendering", _("Being made")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
    # Finished but for the seal, which cannot be put on at present: it is made anew once it can.
    UNSEALED = "unsealed", _("Waiting for the seal")
    CANCELLED = "cancelled", _("Cancelled")


WORKING = (DocumentState.REQUESTED, DocumentState.RENDERING)


class DocumentStep(models.TextChoices):
    """What a worker is at while a file is being made."""

    GATHERING = "gathering", _("Gathering what the record says")
    LAYING_OUT = "laying_out", _("Laying out its pages")
    WRITING = "writing", _("Writing the file")
    SEALING = "sealing", _("Sealing the file")


class Export(models.Model):
    """Work that a person asked for: the row owns it, a worker claims it and leaves a file."""

    state = models.CharField(
        max_length=20, choices=DocumentState.choices, default=DocumentState.REQUESTED
    )
    error = models.TextField(blank=True)
    # How often a worker has taken it without getting on: what ends workers is not taken for ever.
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_at = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True)
    # When the sweep, or the worker before, last sent a message for it.
    woken_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_working(self) -> bool:
        """Return whether a worker still has to finish it."""
        return self.state in WORKING


class Document(Export):
    """One export: asked for by a person, made by a worker, kept as a file."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="documents")
    format = models.CharField(max_length=10, choices=DocumentFormat.choices)
    # Everything the pages show, digested: while it is the same, their file is served.
    source_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    # The audit log's head that is printed in it: an anchor outside the log.
    head_sequence = models.PositiveIntegerField(null=True)
    head_hash = models.CharField(max_length=64, blank=True)
    # Not final: its pages say that they are a draft, or that the record is withdrawn.
    is_draft = models.BooleanField()
    is_withdrawn = models.BooleanField(default=False)
    # What stands in the places of `error`, which is told in its reader's language.
    error_values: Any = models.JSONField(default=dict, blank=True)
    # An approved content is sealed once: the file is served for as long as the content stands.
    is_sealed = models.BooleanField(default=False)
    # Asked for beside a sealed document: it tells what became of the record, and what it is not.
    is_copy = models.BooleanField(default=False)
    # Since when it lacks nothing but the seal; None while nothing has kept that from it.
    unsealed_at = models.DateTimeField(null=True)
    file = models.FileField(upload_to="documents/%Y/%m", blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    # While it is being made: how many are laid out so far.
    pages = models.PositiveIntegerField(null=True)
    step = models.CharField(max_length=20, choices=DocumentStep.choices, blank=True)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-requested_at", "-pk"]
        # Whoever verifies a file asks for it.
        indexes = [models.Index(fields=["sha256"], name="document_sha256")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=DocumentState.READY) | ~Q(file=""),
                name="document_ready_has_file",
            ),
            models.UniqueConstraint(
                fields=["decision", "format", "digest"],
                condition=Q(is_sealed=True) & ~Q(state=DocumentState.FAILED),
                name="document_sealed_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision.reference} {self.get_format_display()}"

    @property
    def why(self) -> dict[str, Any]:
        """Return what went wrong as plain JSON, for `in_language`."""
        return {"message": self.error, "values": self.error_values}

    @property
    def error_in_words(self) -> str:
        """Return what went wrong in a sentence; "" where nothing did."""
        return in_language(self.error, self.error_values) if self.error else ""

    @property
    def is_lost(self) -> bool:
        """Return whether it was made and its file is no longer where it was kept."""
        name, storage = str(self.file.name), self.file.storage
        return self.state == DocumentState.READY and not storage.exists(name)

    @property
    def size(self) -> int | None:
        """Return how large its file is, in bytes; None where there is none, or it has been lost."""
        try:
            return int(self.file.size) if self.file else None
        except FileNotFoundError:
            return None

    @property
    def has_lapsed(self) -> bool:
        """Return whether it was final, and the record was reopened, withdrawn or changed since."""
        decision = self.decision
        holds = decision.status in {Status.APPROVED, Status.SUPERSEDED}
        return not self.is_draft and not (holds and self.digest == decision.digest)

    @property
    def progress(self) -> str:
        """Return how far it is, in words; "" once it is over. What waits asks who is before it."""
        if self.state == DocumentState.RENDERING:
            return " ".join(one for one in (self._doing, self._trying_again) if one)
        return self._waiting if self.state == DocumentState.REQUESTED else ""

    @property
    def _doing(self) -> str:
        doing = self.get_step_display() or self.get_state_display()
        if not self.pages:
            return f"{doing}."
        told = {"doing": doing, "page": self.pages}
        if self.step == DocumentStep.LAYING_OUT:
            sentence = ngettext(
                "%(doing)s: %(page)s page so far.", "%(doing)s: %(page)s pages so far.", self.pages
            )
        else:
            sentence = ngettext(
                "%(doing)s: %(page)s page.", "%(doing)s: %(page)s pages.", self.pages
            )
        return sentence % told

    @property
    def _trying_again(self) -> str:
        if self.attempts < 2:
            return ""
        told = _("The worker that began it stopped; this is attempt %(n)s.")
        return str(told % {"n": self.attempts})

    @property
    def _waiting(self) -> str:
        before = Document.objects.filter(state__in=WORKING, pk__lt=self.pk).count()
        if not before:
            return str(_("Waiting for a worker: it is next."))
        return ngettext(
            "Waiting for a worker: %(n)s file before it.",
            "Waiting for a worker: %(n)s files before it.",
            before,
        ) % {"n": before}


class Bundle(Export):
    """Many records in one zip: asked for by a person, who alone can fetch it, for some days."""

    requested_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bundles")
    # From where it was asked for: what is exported for it is logged as done from there.
    address = models.GenericIPAddressField(null=True)
    # What the list was filtered by, as its address has it; "" for all.
    query = models.TextField(blank=True)
    format = models.CharField(max_length=10, choices=DocumentFormat.choices)
    # The numbers of the records, rising, and what became of the first so many of them:
    # {"document": key} or {"problem": sentence}; "is_unseen" of what was no longer theirs to read
    # when the file was written.
    records: Any = models.JSONField(default=list)
    outcomes: Any = models.JSONField(default=list, blank=True)
    # The same search may find other records a moment later: that is another zip.
    records_digest = models.CharField(max_length=64, default="", editable=False)
    file = models.FileField(upload_to="bundles", blank=True)
    size = models.PositiveBigIntegerField(null=True)  # of the file, in bytes

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=DocumentState.READY) | ~Q(file=""),
                name="bundle_ready_has_file",
            ),
            models.UniqueConstraint(
                fields=["requested_by", "query", "format", "records_digest"],
                condition=Q(state__in=WORKING),
                name="bundle_asked_for_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_format_display()}, {self.total}"

    @property
    def total(self) -> int:
        """Return how many records it is of."""
        return len(self.records)

    @property
    def done(self) -> int:
        """Return of how many records it is known whether they are in it."""
        return len(self.outcomes)

    @property
    def tells_of(self) -> set[int]:
        """Return the numbers of the records that a finished one tells more of than the name."""
        told = zip(self.records, self.outcomes, strict=False)
        return {number for number, one in told if not one.get("is_unseen")}

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Return the records that could not be exported so far, as (reference, sentence)."""
        return [
            (f"DR-{number}", one["problem"])
            for number, one in zip(self.records, self.outcomes, strict=False)
            if "problem" in one
        ]
