"""The shared examples that every candidate is measured on."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Exists, ExpressionWrapper, F, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from evaluations.models.corpus import Corpus
from evaluations.models.frozen import Frozen, FrozenQuerySet, Readers


class CaseKind(models.TextChoices):
    """What a case asks for."""

    CLASSIFICATION = "classification", _("Classification")
    QUESTION_ANSWERING = "question_answering", _("Question answering with passages")
    FREE_TEXT = "free_text", _("Free text with a reference")


class Split(models.TextChoices):
    """What a case is for. Techniques learn from train, tune on dev and are measured on test."""

    TRAIN = "train", _("Train")
    DEV = "dev", _("Development")
    TEST = "test", _("Test")


class CaseSetQuerySet(FrozenQuerySet["CaseSet"]):
    """Finds case sets."""

    def told_apart(self) -> Any:
        """Return these, each with whether it only came along with another tool's results."""
        known = self.model._base_manager
        imported = Q(pk__in=known.filter(runs__source="imported").values("pk"))
        on_its_own = Q(pk__in=known.filter(imports__what="cases").values("pk"))
        came = ExpressionWrapper(imported & ~on_its_own, output_field=models.BooleanField())
        return self.annotate(came_with_results=came)

    def to_choose_from(self) -> Any:
        """Return these with what only came along with results last."""
        return self.told_apart().order_by("came_with_results", "name", "-version")

    def to_run_on(self) -> Any:
        """Return what can be run: files of results do not always say what was asked."""
        asked = Case.objects.filter(case_set=OuterRef("pk"), split=Split.TEST).exclude(input="")
        return self.to_choose_from().exclude(Q(came_with_results=True) & ~Exists(asked))


class CaseSetManager(models.Manager.from_queryset(CaseSetQuerySet)):  # type: ignore[misc]
    """Finds the case sets that are ready; those that are still being written are nobody's yet."""

    def get_queryset(self) -> CaseSetQuerySet:
        """Leave out what is not ready."""
        found: CaseSetQuerySet = CaseSetQuerySet(self.model, using=self._db).ready()
        return found


class CaseSet(Frozen):
    """A frozen, content-hashed set of cases; other content under its name is a new version."""

    kind = models.CharField(
        _("kind"), max_length=20, choices=CaseKind.choices, default=CaseKind.CLASSIFICATION
    )
    # The documents that its `relevant` keys name; part of what is frozen.
    corpus = models.ForeignKey(
        Corpus, null=True, blank=True, on_delete=models.PROTECT, related_name="case_sets"
    )
    # What a tuned model must not have forgotten: attached and detached, not part of the content.
    probe = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="probes"
    )
    # In the order techniques see them: {"slug", "name", "description"} each.
    labels = models.JSONField(_("labels"), default=list, blank=True)
    # Split → number of cases, and what the import found: duplicates, overlaps, contradictions.
    counts = models.JSONField(default=dict, editable=False)
    findings = models.JSONField(default=dict, editable=False)
    # Finding → the first inputs that show it, each as the keys of its first cases.
    examples = models.JSONField(default=dict, editable=False)

    objects = CaseSetManager()
    everything = CaseSetQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "version"],
                condition=Q(is_ready=True),
                name="case_set_version_once",
            ),
            models.UniqueConstraint(
                fields=["slug", "digest"],
                condition=Q(is_ready=True),
                name="case_set_content_once",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=CaseKind.values), name="case_set_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=Readers.values), name="case_set_readers_known"
            ),
            models.CheckConstraint(
                condition=Q(probe__isnull=True) | ~Q(probe=F("pk")), name="case_set_probe_is_other"
            ),
        ]

    def get_absolute_url(self) -> str:
        """Return the address of this version's page."""
        return f"{reverse('evaluations:case_set', args=[self.slug])}?version={self.version}"

    @property
    def is_classification(self) -> bool:
        """Return whether its answers are labels."""
        return self.kind == CaseKind.CLASSIFICATION

    @property
    def total(self) -> int:
        """Return the number of cases."""
        return sum(self.counts.values())

    def count(self, split: str) -> int:
        """Return the number of cases in a split."""
        return int(self.counts.get(split, 0))

    def splits(self) -> list[tuple[Any, int]]:
        """Return (split's label, number of cases) for the splits that hold any."""
        return [(split.label, self.count(split)) for split in Split if self.count(split)]

    def label_names(self) -> dict[str, str]:
        """Return the names of the labels by slug; a label without a name goes by its slug."""
        return {label["slug"]: label.get("name") or label["slug"] for label in self.labels}


class CaseQuerySet(models.QuerySet["Case"]):
    """Finds cases."""

    def matching(self, text: str) -> CaseQuerySet:
        """Return those with this text in their input, expected answer or key."""
        return self.filter(
            Q(input__icontains=text) | Q(expected__icontains=text) | Q(key__iexact=text)
        )


class Case(models.Model):
    """One example: an input and the answer that is expected."""

    case_set = models.ForeignKey(CaseSet, on_delete=models.CASCADE, related_name="cases")
    key = models.CharField(_("key"), max_length=100)
    split = models.CharField(_("split"), max_length=10, choices=Split.choices)
    input = models.TextField(_("input"))
    # The label or the first reference; empty where the right answer is that there is none.
    expected = models.TextField(_("expected answer"), blank=True)
    # Other right answers, and the keys of the documents that hold the answer.
    references = models.JSONField(_("other right answers"), default=list, blank=True)
    relevant = models.JSONField(_("relevant documents"), default=list, blank=True)
    position = models.PositiveIntegerField()
    # Of the input without differences of case and spacing: finds duplicates and overlaps. It has no
    # index: a million random places in one cost more than sorting once does.
    input_digest = models.CharField(max_length=64, editable=False)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["case_set", "split", "position"], name="case_in_order"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["case_set", "key"], name="case_key_once"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="case_split_known"),
        ]

    def __str__(self) -> str:
        return self.key
