"""How long the matrix's answer to other weights takes: 12 goals, 8 candidates, four roles.

COUNTERSIGN_VAR=$(mktemp -d) python -m benchmarks.matrix_page [REQUESTS [REFERENCE USERNAME]]

Fills an empty database of its own and asks the page as htmx does, through middleware and template.
With a record's reference and a person it measures that record of the database that is there.
Prints JSON: milliseconds of each request, its 50th and 95th percentile.
"""

import json
import os
import statistics
import sys
import time
from random import Random

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("COUNTERSIGN_DEBUG", "1")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from benchmarks.records import figure  # noqa: E402
from decisions.actions.evidence import attach_evidence  # noqa: E402
from decisions.actions.records import invite, open_decision  # noqa: E402
from decisions.actions.rows import add_candidate, add_goal, assess  # noqa: E402
from decisions.metrics import METRICS  # noqa: E402
from decisions.models import Decision, Role, User  # noqa: E402

GOALS, CANDIDATES = 12, 8


def fill() -> tuple[Decision, User]:
    """Return a record of twelve goals by eight candidates, measured and rated, and its owner."""
    owner = User.objects.create(username="owner", name="Ana Duarte")
    record = open_decision(by=owner, title="Which one?")
    for role in Role.values:
        invite(record, by=owner, user=owner, role=role)
    metrics = list(METRICS.values())[:GOALS]
    for metric in metrics:
        told = {"metric": metric.key, "name": str(metric.name), "unit": metric.unit}
        values = {"direction": metric.better, "target": 80.0, "worst_acceptable": 50.0}
        add_goal(record, by=owner, weight=2.0, **told, **values)
    chance = Random(7)
    for number in range(CANDIDATES):
        candidate = add_candidate(record, by=owner, name=f"No. {number}", approach="other")
        values_of = [figure(one.key, str(one.name), one.unit, chance) for one in metrics]
        attach_evidence(candidate, by=owner, measurements=values_of)
        for role in Role.values:
            asked = candidate.decision.criteria_of(role)
            ratings = {one.key: (chance.randint(2, 5), "So.") for one in asked}
            assess(candidate, by=owner, role=role, ratings=ratings)
    return record, owner


def measured(record: Decision, person: User, requests: int) -> list[float]:
    """Return the milliseconds of each answer to a weight that is not saved."""
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False
    client = Client(headers={"HX-Request": "true"})
    client.force_login(person)
    address = reverse("decisions:matrix", args=[record.reference])
    goal = record.goals.first()
    assert goal is not None  # noqa: S101
    times = []
    for number in range(requests + 3):
        asked = {f"w_{goal.metric}": f"{number % 90 + 0.5}"}
        started = time.perf_counter()
        response = client.get(address, asked, secure=True)
        times.append(1000 * (time.perf_counter() - started))
        assert response.status_code == 200  # noqa: S101
    return times[3:]


def main() -> None:
    """Fill unless a record is named, ask, and print the figures."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    call_command("migrate", verbosity=0)
    if len(sys.argv) > 3:
        record = Decision.objects.by_reference(sys.argv[2]).get()
        person = User.objects.get(username=sys.argv[3])
    else:
        record, person = fill()
    times = measured(record, person, requests)
    centiles = statistics.quantiles(times, n=20)
    table = f"{record.goals.count()} goals x {record.candidates.count()} candidates"
    print(json.dumps({"table": table, "n": requests, "p50": centiles[9], "p95": centiles[18]}))


if __name__ == "__main__":
    main()
