"""A figure that people bring in from outside, on its way to the record. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from decisions.actions.evidence import Measurement
from decisions.metrics import METRICS
from decisions.numbers import format_interval, format_value


@dataclass(frozen=True)
class OutsideFigure:
    """One figure in its metric's unit, with how it is known; `own` is a team's own (name, unit)."""

    metric: str
    value: float
    n: int
    how: str
    low: float | None = None
    high: float | None = None
    interval_method: str = ""
    own: tuple[str, str] | None = None

    def of(self, metric: str, name: str, unit: str) -> "OutsideFigure":
        """Return it as a figure of a metric that a team has set a goal of its own on."""
        return replace(self, metric=metric, own=(name, unit))

    @property
    def name(self) -> str:
        """Return what it is called."""
        return self.own[0] if self.own else str(METRICS[self.metric].name)

    @property
    def unit(self) -> str:
        """Return the unit of its metric."""
        return self.own[1] if self.own else METRICS[self.metric].unit

    @property
    def shown(self) -> str:
        """Return the value with its unit, as the record will show it."""
        return format_value(self.value, self.low, self.high, self.unit)

    @property
    def interval(self) -> str:
        """Return the interval, or "" where there is none."""
        return format_interval(self.low, self.high, self.unit, self.value)

    def measurement(
        self, *, method: str, origin: str, source_digest: str, conditions: Mapping[str, str]
    ) -> Measurement:
        """Return it as the record takes it in."""
        return Measurement(
            metric=self.metric,
            metric_name=self.name,
            value=self.value,
            low=self.low,
            high=self.high,
            interval_method=self.interval_method,
            n=self.n,
            unit=self.unit,
            method=method,
            origin=origin,
            source_digest=source_digest,
            conditions=dict(conditions),
        )
