"""Documents that answers are looked up in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from evaluations.models.frozen import Frozen, FrozenQuerySet, Readers


class CorpusQuerySet(FrozenQuerySet["Corpus"]):
    """Finds corpora."""


class CorpusManager(models.Manager.from_queryset(CorpusQuerySet)):  # type: ignore[misc]
    """Finds the corpora that are ready; those that are still being written are nobody's yet."""

    def get_queryset(self) -> CorpusQuerySet:
        """Leave out what is not ready."""
        found: CorpusQuerySet = CorpusQuerySet(self.model, using=self._db).ready()
        return found


class Corpus(Frozen):
    """A frozen, content-hashed set of documents; other content under its name is a new version."""

    measured_by = "case_sets__runs"

    # Number of documents and of their characters, and how many documents say what another says.
    documents_count = models.PositiveIntegerField(_("documents"), default=0, editable=False)
    characters = models.PositiveBigIntegerField(_("characters"), default=0, editable=False)
    duplicates = models.PositiveIntegerField(_("duplicates"), default=0, editable=False)

    objects = CorpusManager()
    everything = CorpusQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-version"]
        verbose_name_plural = "corpora"
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "version"], condition=Q(is_ready=True), name="corpus_version_once"
            ),
            models.UniqueConstraint(
                fields=["slug", "digest"], condition=Q(is_ready=True), name="corpus_content_once"
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=Readers.values), name="corpus_readers_known"
            ),
        ]

    def get_absolute_url(self) -> str:
        """Return the address of this version's page."""
        return f"{reverse('evaluations:corpus', args=[self.slug])}?version={self.version}"


class DocumentQuerySet(models.QuerySet["Document"]):
    """Finds documents."""

    def matching(self, text: str) -> DocumentQuerySet:
        """Return those with this text in their title, text or key."""
        return self.filter(Q(title__icontains=text) | Q(text__icontains=text) | Q(key__iexact=text))


class Document(models.Model):
    """One text of a corpus, in the corpus's order."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="documents")
    key = models.CharField(_("key"), max_length=200)
    title = models.CharField(_("title"), max_length=300, blank=True)
    text = models.TextField(_("text"))
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    position = models.PositiveIntegerField()
    # Of the text without differences of case and spacing.
    text_digest = models.CharField(max_length=64, editable=False)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["corpus", "position"], name="document_in_order"),
            models.Index(fields=["corpus", "text_digest"], name="document_by_text"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["corpus", "key"], name="document_key_once"),
        ]

    def __str__(self) -> str:
        return self.title or self.key
