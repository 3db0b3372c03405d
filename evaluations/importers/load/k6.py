"""k6: the summary of `--summary-export`, of handleSummary(), and the newer machine-readable one.

Sources: Grafana's documentation "End of test", "Custom summary" and `js/summary.go` and
`internal/lib/summary/machinereadable` of k6. Times are in milliseconds. In all of them the "true"
side of the rate http_req_failed are the requests that failed: it is called `passes`, later
`matches`. p(99) is there only if `--summary-trend-stats` asked for it.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.load.found import (
    P50,
    P95,
    P99,
    LoadFile,
    LoadFormat,
    LoadTest,
    number,
    whole,
)

PERCENTILES = {P50: ("med", "p(50)"), P95: ("p(95)",), P99: ("p(99)",)}
Values = Mapping[str, Any]


def detect(file: LoadFile) -> bool:
    """Return whether it is an object with k6's metrics, whole or cut off."""
    return file.header.startswith("{") and any(
        name in file.text for name in ('"http_req', '"iteration_duration"', '"vus_max"')
    )


def read(file: LoadFile, columns: dict[str, str]) -> LoadTest:
    """Return what a summary says of its HTTP requests."""
    try:
        # A whole number of any length is a float here: too long a one is infinite, and refused.
        told = json.loads(file.text, parse_int=float, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        why = _("it is no whole JSON (%(why)s), as if it was cut off.")
        raise ValueError(why % {"why": error}) from error
    metrics = _metrics(told)
    counted = metrics.get("http_reqs")
    if counted is None:
        raise ValueError(_("it has no HTTP requests (http_reqs)."))
    requests = whole(counted.get("count"), "http_reqs")
    duration = _duration(told, counted, requests)
    return LoadTest(
        tool="k6",
        requests=requests,
        failed=_failed(metrics.get("http_req_failed"), requests),
        percentiles=_percentiles(metrics.get("http_req_duration", {})),
        measured=requests,
        throughput=requests / duration if duration else None,
        duration=duration,
        users=_users(metrics),
        remarks=(_("Times are those of all requests, also of those that failed."),),
    )


def _refuse(constant: str) -> float:
    raise ValueError(_("%(what)s is no number.") % {"what": constant})


def _metrics(told: Any) -> dict[str, Values]:
    """Return each metric's values by its name, in whichever of the three shapes they are."""
    results = told.get("results") if isinstance(told, dict) else None
    found = (results or told).get("metrics") if isinstance(results or told, dict) else None
    if isinstance(found, list):
        named = [one for one in found if isinstance(one, dict) and isinstance(one.get("name"), str)]
        found = {one["name"]: one for one in named}
    if not isinstance(found, dict):
        raise ValueError(_("it has no metrics."))
    return {name: _values(one) for name, one in found.items() if isinstance(one, dict)}


def _values(metric: dict[str, Any]) -> Values:
    inner = metric.get("values", metric)
    return inner if isinstance(inner, dict) else {}


def _duration(told: dict[str, Any], counted: Values, requests: int) -> float | None:
    """Return how long the test took, in seconds; what does not say it has requests and a rate."""
    state, config = told.get("state"), told.get("config")
    if isinstance(state, dict) and "testRunDurationMs" in state:
        return number(state["testRunDurationMs"], "testRunDurationMs") / 1000
    if isinstance(config, dict) and "duration" in config:
        return number(config["duration"], "duration")
    rate = number(counted["rate"], "http_reqs") if "rate" in counted else 0.0
    return requests / rate if rate else None


def _failed(values: Values | None, requests: int) -> int | None:
    if values is None:
        return None
    failed = values.get("matches", values.get("passes"))
    if failed is not None:
        return whole(failed, "http_req_failed")
    rate = values.get("rate", values.get("value"))
    return None if rate is None else round(number(rate, "http_req_failed") * requests)


def _percentiles(values: Values) -> dict[str, float]:
    found = {}
    for metric, names in PERCENTILES.items():
        if name := next((one for one in names if values.get(one) is not None), ""):
            found[metric] = number(values[name], f"http_req_duration {name}")
    return found


def _users(metrics: Mapping[str, Values]) -> int | None:
    for name in ("vus", "vus_max"):
        values = metrics.get(name, {})
        if values.get("max") is not None:
            return whole(values["max"], name)
    return None


FORMAT = LoadFormat("k6", "k6", detect, read)
