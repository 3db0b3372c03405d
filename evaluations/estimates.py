"""What a person thinks a figure will be, as the record takes it in: marked, without a sample."""

from django.utils.translation import gettext as _

from decisions.actions.evidence import Measurement
from evaluations.studies import sentence


def estimated(
    metric: str,
    name: str,
    unit: str,
    spread: tuple[float, float, float],
    *,
    reason: str,
    who: str,
    source_digest: str,
) -> Measurement:
    """Return an estimate; `spread` is low, most likely and high, in `unit`."""
    low, value, high = spread
    told = {"reason": sentence(reason), "who": who.strip()}
    return Measurement(
        metric=metric,
        metric_name=name,
        value=value,
        low=low,
        high=high,
        interval_method=_("low to high, as estimated"),
        n=0,
        unit=unit,
        method=_("An estimate, nothing was measured. %(reason)s") % told,
        origin=_("Estimate of %(who)s") % told,
        source_digest=source_digest,
        # What several people think stands side by side.
        conditions={"who": " ".join(who.split())},
    )
