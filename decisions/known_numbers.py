"""The numbers that a record says by name, so ordered that one is found among any number of them.

Looking one up takes steps that grow with the logarithm of how many there are: the pages that ask
for it are read by everybody, all the time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite

from decisions.numbers import places_of

# A number this near to a measured value was probably meant to be it.
NEAR_POINTS = 3.0  # percentage points
NEAR_SHARE = 0.1  # of any other value
HALF = 0.5 + 1e-6
STEP = 60  # from seconds to minutes, from minutes to hours
TYPED = 1e-12  # more digits than this are never typed

SHARE, POINTS, TIME, DAYS, RATE, PLAIN = "share", "points", "time", "days", "rate", "plain"
# Unit as written, in small letters → what is measured, and how many of its smallest unit that is.
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("%", "percent", "per cent", "por cento"), (SHARE, 1.0)),
    "‰": (SHARE, 0.1),
    **dict.fromkeys(("pp", "p.p.", "percentage points", "percentage point"), (POINTS, 1.0)),
    **dict.fromkeys(("points", "point", "pontos", "ponto"), (POINTS, 1.0)),
    **dict.fromkeys(("pontos percentuais", "ponto percentual"), (POINTS, 1.0)),
    **dict.fromkeys(("µs", "μs", "microseconds", "microssegundos"), (TIME, 0.001)),
    **dict.fromkeys(("ms", "milliseconds", "millisecond", "milissegundos"), (TIME, 1.0)),
    **dict.fromkeys(("s", "sec", "seconds", "second", "segundos", "segundo"), (TIME, 1000.0)),
    **dict.fromkeys(("min", "mins", "minutes", "minute", "minutos", "minuto"), (TIME, 60_000.0)),
    **dict.fromkeys(("h", "hr", "hrs", "hours", "hour", "horas", "hora"), (TIME, 3_600_000.0)),
    **dict.fromkeys(("days", "day", "dias", "dia"), (DAYS, 1.0)),
    **dict.fromkeys(("weeks", "week", "semanas", "semana"), (DAYS, 7.0)),
    **dict.fromkeys(("/s", "req/s", "rps", "requests per second", "tokens/s"), (RATE, 1.0)),
    **dict.fromkeys(("$", "us$", "usd", "dollars", "dollar"), ("USD", 1.0)),
    **dict.fromkeys(("€", "eur", "euros", "euro"), ("EUR", 1.0)),
    **dict.fromkeys(("r$", "brl", "reais"), ("BRL", 1.0)),
    **dict.fromkeys(("£", "gbp"), ("GBP", 1.0)),
}


@dataclass(frozen=True)
class Known:
    """What a record says by name: the numbers of a piece of evidence, or of a goal, in a unit.

    The first is the measured value; the others are the ends of its interval. `about` is what the
    candidates that were measured are called: their letters and names.
    """

    name: str
    numbers: tuple[float, ...]
    unit: str
    is_evidence: bool = True
    about: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Return what is measured."""
        return UNITS[self.unit.lower()][0] if self.unit.lower() in UNITS else self.unit or PLAIN

    @property
    def places(self) -> int:
        """Return how many decimal places of it are shown at least; tens, hundreds … below zero."""
        if len(self.numbers) == 1:
            return places_of(self.numbers[0], None, None, self.unit)
        low, high = min(self.numbers), max(self.numbers)
        return min(places_of(one, low, high, self.unit) for one in self.numbers)

    @property
    def scale(self) -> float:
        """Return how many of the smallest unit its unit is."""
        return UNITS.get(self.unit.lower(), (PLAIN, 1.0))[1]


@dataclass(frozen=True)
class Written:
    """A number as it may be read: its value, the places it shows, and what it measures.

    `is_below` says that a minus is written before it: the value has none.
    """

    value: float
    places: int
    kind: str
    scale: float
    is_below: bool = False


# What the numbers of one shelf have in common: their unit's scale, and the places that are known
# of them: none, or below zero where only tens, hundreds … are.
_Shelf = tuple[float, int]
# The numbers, sorted and without their signs; those of points stand with those of shares.
_Shelves = dict[_Shelf, list[float]]


class KnownNumbers:
    """The numbers of what a record says, sorted once."""

    def __init__(self, known: Iterable[Known]) -> None:
        self.known = list(known)

    def says(self, written: Written) -> bool:
        """Return whether one of them is the written number, at the precision it shows.

        A minus counts, except of points: they are said from either side.
        """
        is_below = written.is_below and written.kind != POINTS
        shelves = self._shelves.get((_family(written.kind), is_below), {})
        return any(_holds(numbers, shelf, written) for shelf, numbers in shelves.items())

    def meant(self, readings: Sequence[Written]) -> str:
        """Return the evidence whose value is nearest to a number, if it is near enough, or ""."""
        found = (one for written in readings for one in self._neighbours(written))
        apart, place = min(found, default=(inf, 0))
        return self.known[place].name if apart <= 1 else ""

    def measures(self, kind: str, scale: float) -> bool:
        """Return whether any of them measures that in such a unit, or the next smaller one."""
        return any(of == kind and unit * STEP >= scale for of, unit in self._units)

    @cached_property
    def _units(self) -> set[tuple[str, float]]:
        return {(one.kind, one.scale) for one in self.known}

    @cached_property
    def names(self) -> frozenset[str]:
        """Return what the candidates are called that were measured."""
        return frozenset(name for one in self.known for name in one.about)

    def about(self, name: str) -> KnownNumbers:
        """Return what was measured of the candidate that is called so, and what goals ask for."""
        if name not in self._about:
            own = [one for one in self.known if name in one.about or not one.is_evidence]
            self._about[name] = KnownNumbers(own)
        return self._about[name]

    @cached_property
    def _about(self) -> dict[str, KnownNumbers]:
        return {}

    @cached_property
    def _shelves(self) -> dict[tuple[str, bool], _Shelves]:
        """Return the shelves by what is measured: all numbers, and those below zero alone."""
        found: defaultdict[tuple[str, bool], defaultdict[_Shelf, list[float]]]
        found = defaultdict(lambda: defaultdict(list))
        for one in self.known:
            for kind, shelf, share in _places_for(one):
                for number in filter(isfinite, one.numbers):
                    found[kind, False][shelf].append(abs(number) * share)
                    if number < 0:
                        found[kind, True][shelf].append(-number * share)
        return {
            key: {shelf: sorted(numbers) for shelf, numbers in shelves.items()}
            for key, shelves in found.items()
        }

    @cached_property
    def _measured(self) -> dict[str, list[tuple[float, int]]]:
        """Return the measured values by what they measure, sorted, each with its evidence's place.

        Those of shares stand also where a number without a unit is looked up, as 93 and as 0.93.
        """
        found: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        for place, one in enumerate(self.known):
            value = abs(one.numbers[0]) * one.scale
            if one.is_evidence and isfinite(value):
                found[one.kind].append((value, place))
                if one.kind == SHARE:
                    found[PLAIN] += [(value, place), (value / 100, place)]
        return {kind: sorted(values) for kind, values in found.items()}

    def _neighbours(self, written: Written) -> Iterator[tuple[float, int]]:
        """Yield how far the next values below and above a number are, and whose; 1 is near."""
        values = self._measured.get(written.kind, [])
        asked = written.value * written.scale
        above = bisect_left(values, (asked, -1))
        places = [above] if above < len(values) else []
        if above:
            # Of several that say the same, the first.
            places.append(bisect_left(values, (values[above - 1][0], -1)))
        for value, place in (values[one] for one in places):
            near = NEAR_POINTS if written.kind in {SHARE, POINTS} else value * NEAR_SHARE
            yield abs(asked - value) / near if near else inf, place


def _family(kind: str) -> str:
    """Return what is looked up together with a kind: points are shares that are apart."""
    return SHARE if kind == POINTS else kind


def _places_for(one: Known) -> Iterator[tuple[str, _Shelf, float]]:
    """Yield where numbers stand: the kind, the shelf, and how many of its unit one of theirs is.

    Each stands also where a number without a unit is looked up: a time to deliver of 45. An F1 of
    0.93 is one of 93 %, and both are written.
    """
    places = min(0, one.places)
    yield _family(one.kind), (one.scale, places), 1.0
    if one.kind != PLAIN:
        yield PLAIN, (1.0, places), 1.0
    if one.kind == SHARE:
        yield PLAIN, (1.0, 0), 0.01


def _holds(numbers: Sequence[float], shelf: _Shelf, written: Written) -> bool:
    """Return whether a number stands on a shelf, at the precision it is written with."""
    factor = written.scale / shelf[0]
    middle = written.value * factor
    reach = _half(written, shelf) * factor + middle * TYPED
    place = bisect_left(numbers, middle - reach)
    return place < len(numbers) and numbers[place] <= middle + reach


def _half(written: Written, shelf: _Shelf) -> float:
    """Return half of a written number's last place: 140 is one of tens, if the known one is."""
    scale, known_places = shelf
    places = written.places
    if not places and scale == written.scale and isfinite(written.value):
        digits = f"{written.value:.0f}"
        places = max(len(digits.rstrip("0")) - len(digits), known_places)
    return HALF * 10.0**-places
