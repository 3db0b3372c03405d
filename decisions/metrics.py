"""The catalogue of metrics that goals are set on and evidence speaks of."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from decisions.models.candidate import Direction
from decisions.section_kinds import Text


@dataclass(frozen=True)
class Metric:
    """A thing that can be measured: its unit ("%" for shares) and which way is better.

    `meaning` says in a sentence what the figure is, where its name doesn't.
    """

    key: str
    name: Text
    unit: str
    better: Direction
    meaning: Text = ""

    @property
    def label(self) -> str:
        """Return the name with the unit."""
        return f"{self.name} ({self.unit})" if self.unit else str(self.name)


UP, DOWN = Direction.AT_LEAST, Direction.AT_MOST

METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("accuracy", _("Accuracy"), "%", UP),
        Metric(
            "pass_rate",
            _("Pass rate"),
            "%",
            UP,
            _("Answers that met whatever a test asserts of them."),
        ),
        Metric("macro_f1", _("Macro F1"), "%", UP, _("The mean of the F1 of every label.")),
        Metric(
            "normalised_match",
            _("Normalised match"),
            "%",
            UP,
            _("Answers that are right but for case, punctuation and articles."),
        ),
        Metric(
            "token_f1",
            _("Token F1"),
            "%",
            UP,
            _("Words that the answer and the right answer share, both ways; the mean over cases."),
        ),
        Metric(
            "rouge_l",
            _("ROUGE-L"),
            "%",
            UP,
            _("Words of the right answer in the same order; the mean over cases."),
        ),
        Metric(
            "embedding_similarity",
            _("Embedding similarity"),
            "%",
            UP,
            _("Closeness in topic to the right answer, not truth; the mean over cases."),
        ),
        Metric(
            "contains",
            _("Contains the answer"),
            "%",
            UP,
            _("Answers in which a right answer occurs."),
        ),
        Metric("regex", _("Fits the pattern"), "%", UP, _("Answers that a pattern matches.")),
        Metric(
            "json_schema",
            _("Valid by JSON schema"),
            "%",
            UP,
            _("Answers that are JSON of the form asked for."),
        ),
        Metric(
            "judged",
            _("Judged by a model"),
            "%",
            UP,
            _("What a model gave by a rubric, from nothing to full marks; the mean over cases."),
        ),
        Metric(
            "recall_at_k",
            _("Recall at k"),
            "%",
            UP,
            _("Relevant documents among the first k found; the mean over cases."),
        ),
        Metric(
            "mrr",
            _("Mean reciprocal rank"),
            "",
            UP,
            _("One over the rank of the first relevant document, 0 to 1; the mean over cases."),
        ),
        Metric(
            "ndcg",
            _("nDCG at k"),
            "",
            UP,
            _("How high the relevant documents stand, 0 to 1; the mean over cases."),
        ),
        Metric(
            "groundedness",
            _("Groundedness"),
            "%",
            UP,
            _("Words of the answer that occur in what was retrieved; the mean over cases."),
        ),
        Metric(
            "citation_correctness",
            _("Citation correctness"),
            "%",
            UP,
            _("Citations that name a passage which supports the sentence; the mean over cases."),
        ),
        Metric("latency_p50", _("Latency, median"), "ms", DOWN),
        Metric("latency_p95", _("Latency, 95th percentile"), "ms", DOWN),
        Metric("latency_p99", _("Latency, 99th percentile"), "ms", DOWN),
        Metric("error_rate", _("Error rate"), "%", DOWN),
        Metric("cost_per_1000", _("Cost of 1,000 requests"), "USD", DOWN),
        Metric("throughput", _("Throughput"), "/s", UP),
        Metric(
            "task_success",
            _("Task success"),
            "%",
            UP,
            _("People who reached what they were asked to."),
        ),
        Metric(
            "time_on_task",
            _("Time on task"),
            "s",
            DOWN,
            _("How long people took who reached it: the geometric mean."),
        ),
        Metric(
            "satisfaction",
            _("Satisfaction"),
            "",
            UP,
            _("The mean score of a questionnaire, on its own scale."),
        ),
        Metric("sus", _("System Usability Scale"), "", UP, _("The mean score, 0 to 100.")),
        Metric("time_to_deliver", _("Time to deliver"), "days", DOWN),
        Metric("one_off_cost", _("One-off cost"), "USD", DOWN),
    )
}
