"""The catalogue of metrics that goals are set on and evidence speaks of."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from decisions.models.candidate import Direction
from decisions.section_kinds import Text


@dataclass(frozen=True)
class Metric:
    """A thing that can be measured: its unit ("%" for shares) and which way is better."""

    key: str
    name: Text
    unit: str
    better: Direction

    @property
    def label(self) -> str:
        """Return the name with the unit."""
        return f"{self.name} ({self.unit})" if self.unit else str(self.name)


UP, DOWN = Direction.AT_LEAST, Direction.AT_MOST

METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("accuracy", _("Accuracy"), "%", UP),
        Metric("macro_f1", _("Macro F1"), "%", UP),
        Metric("latency_p50", _("Latency, median"), "ms", DOWN),
        Metric("latency_p95", _("Latency, 95th percentile"), "ms", DOWN),
        Metric("latency_p99", _("Latency, 99th percentile"), "ms", DOWN),
        Metric("error_rate", _("Error rate"), "%", DOWN),
        Metric("cost_per_1000", _("Cost of 1,000 requests"), "USD", DOWN),
        Metric("throughput", _("Throughput"), "/s", UP),
        Metric("task_success", _("Task success"), "%", UP),
        Metric("satisfaction", _("Satisfaction"), "", UP),
    )
}
