"""Numbers that look like measurements and are written by hand, where a text has evidence to name.

"93% is right" is such a number, and so are 120 ms, $3 and "an F1 of 0.93": nobody can see where it
comes from, and it stays when the evidence moves on. Counts, dates, versions, limits that a goal
names and whatever stands in code are none. Rather too few are found than one too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from decisions.markdown import NOT_PROSE, prose
from decisions.numbers import places_of

# What stands around a number that is shown with it: so many words, in so many letters.
WORDS_AROUND = 6
PASSAGE = 200
# A number this near to a measured value was probably meant to be it.
NEAR_POINTS = 3.0  # percentage points
NEAR_SHARE = 0.1  # of any other value
HALF = 0.5 + 1e-6
TYPED = 1e-12  # more digits than this are never typed
# How many letters around a number say whether it is a measurement.
SIGHT = 60

SHARE, POINTS, TIME, RATE, PLAIN = "share", "points", "time", "rate", "plain"
# Unit as written, in small letters → what is measured, and how many of its smallest unit that is.
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("%", "percent", "per cent", "por cento"), (SHARE, 1.0)),
    **dict.fromkeys(("pp", "p.p.", "percentage points", "percentage point"), (POINTS, 1.0)),
    **dict.fromkeys(("points", "point", "pontos", "ponto"), (POINTS, 1.0)),
    **dict.fromkeys(("pontos percentuais", "ponto percentual"), (POINTS, 1.0)),
    **dict.fromkeys(("ms", "milliseconds", "millisecond", "milissegundos"), (TIME, 1.0)),
    **dict.fromkeys(("s", "sec", "seconds", "second", "segundos", "segundo"), (TIME, 1000.0)),
    **dict.fromkeys(("/s", "req/s", "rps", "requests per second", "tokens/s"), (RATE, 1.0)),
    **dict.fromkeys(("$", "us$", "usd", "dollars", "dollar"), ("USD", 1.0)),
    **dict.fromkeys(("€", "eur", "euros", "euro"), ("EUR", 1.0)),
    **dict.fromkeys(("r$", "brl", "reais"), ("BRL", 1.0)),
    **dict.fromkeys(("£", "gbp"), ("GBP", 1.0)),
}
METRIC = (
    r"(?:(?:macro|micro|token)[ -])?F1(?:[ -]score)?|accuracy|recall(?:@\d+| at \d+)?|precision"
    r"|pass rate|error rate|MRR|nDCG(?:@\d+)?|ROUGE(?:-[L12])?|BLEU|AUC|exact match|groundedness"
    r"|similarity|satisfaction|acurácia|precisão|satisfação"
)
# What is set and not measured.
SETTING = (
    r"temperature|threshold|cut-?off|learning rate|top[_-][pk]|drop-?out|weight|probability|seed"
    r"|version|release|alpha|beta|level|confidence|quantile|temperatura|limiar|peso|versão"
    r"|probabilidade|p"
)
_DIGITS = r"\d{1,3}(?:[,.'\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
_CURRENCY = r"US\$|R\$|[$€£]|\b(?:USD|EUR|BRL|GBP)\b"
_WORDED = sorted((unit for unit in UNITS if unit[-1].isalnum()), key=len, reverse=True)
_UNIT = rf"%|p\.p\.|req/s|tokens/s|/s\b|[$€£]|(?:{'|'.join(_WORDED)})\b"
_NUMBER = re.compile(
    rf"(?P<currency>{_CURRENCY})?\s?(?<![\w.,:/\-–−+#@])"
    rf"(?P<first>[-−+]?(?:{_DIGITS}))(?!\d)"
    rf"(?:\s?(?:%|{_UNIT})?\s?(?:[–—-]|\bto\b|\bate\b|\baté\b|\ba\b)\s?"
    rf"(?P<second>[-−+]?(?:{_DIGITS}))(?=\s?(?:{_UNIT})))?"
    rf"(?P<unit>\s?(?:{_UNIT}))?(?P<metric>\s(?:{METRIC})\b)?(?![\w°]|[-.:/]\d)",
    re.IGNORECASE,
)
_LINKING = (
    r"(?:\s+(?:score|of|is|was|are|at|to|about|around|nearly|reaches|reached|de|é|foi)|[=:≈~])"
)
_AFTER_METRIC = re.compile(rf"\b(?:{METRIC}){_LINKING}*\s*$", re.IGNORECASE)
_AFTER_SETTING = re.compile(
    rf"\b(?:{SETTING})(?:\s+(?:of|is|was|de)|\s*[=:<>≤≥])*\s*$", re.IGNORECASE
)
_AFTER_NAME = re.compile(r"\b(?=\w{2,}\s$)(?=\w*[A-Z])[A-Za-z]\w*\s$")
_BEFORE_LEVEL = re.compile(
    r"^[\s-]*(?:CI\b|confiden|interval|credible|certain|sure\b|IC\b|intervalo)", re.IGNORECASE
)
_AFTER_CHANGE = re.compile(
    r"\b(?:by|gain\w*|los[et]\w*|dropp?\w*|r[io]se\w*|fell|falls|improv\w*|differ\w*)\s(?:\w+\s)?$",
    re.IGNORECASE,
)
_BEFORE_CHANGE = re.compile(
    r"^\s(?:better|worse|more|less|ahead|behind|higher|lower|above|below|under|over)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?<!\S)\S*(?:://|@|www\.)\S*")


@dataclass(frozen=True)
class Known:
    """What a record says by name: the numbers of a piece of evidence, or of a goal, in a unit.

    The first is the measured value; the others are the ends of its interval.
    """

    name: str
    numbers: tuple[float, ...]
    unit: str
    is_evidence: bool = True

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
class BareNumber:
    """A number written by hand, the words around it, and the evidence that says nearly the same."""

    before: str
    number: str
    after: str
    meant: str = ""

    @property
    def suggestion(self) -> str:
        """Return what to write in its place, or "" where nothing is near."""
        return f"[[{self.meant}]]" if self.meant else ""


@dataclass(frozen=True)
class _Written:
    """A number as it may be read: its value, the places it shows, and what it measures."""

    value: float
    places: int
    kind: str
    scale: float


def bare_numbers(text: str, known: Sequence[Known]) -> list[BareNumber]:
    """Return the numbers in a Markdown text that look measured and that nothing known says.

    A number that evidence or a goal says at the precision it is written with (its value, an end of
    its interval, a target) is none of them.
    """
    return [one for block in prose(text) for one in _in_block(block, known)]


def _in_block(block: str, known: Sequence[Known]) -> Iterator[BareNumber]:
    # Addresses keep their length, so that places in the text stay what they are.
    readable = _ADDRESS.sub(lambda found: "x" * len(found[0]), block)
    for found in _NUMBER.finditer(readable):
        readings = _readings(found)
        said = [any(_says(one, number) for one in known for number in same) for same in readings]
        if readings and not all(said):
            start, end = _trimmed(found)
            before = _shown(block[max(0, start - PASSAGE) : start])
            after = _shown(block[end : end + PASSAGE])
            unsaid = readings[said.index(False)]
            yield BareNumber(
                _last_words(before), block[start:end], _first_words(after), _meant(unsaid, known)
            )


def _trimmed(found: re.Match[str]) -> tuple[int, int]:
    """Return where a number stands, without the spaces around it."""
    lead = len(found[0]) - len(found[0].lstrip())
    return found.start() + lead, found.start() + len(found[0].rstrip())


def _readings(found: re.Match[str]) -> list[list[_Written]]:
    """Return how each number of a match may be read; none, if it does not look measured."""
    start, end = found.start("first"), found.end()
    before, after = found.string[max(0, start - SIGHT) : start], found.string[end : end + SIGHT]
    unit = (found["currency"] or found["unit"] or "").strip().lower()
    if _BEFORE_LEVEL.match(after) or _AFTER_SETTING.search(before):
        return []
    if unit:
        if not _is_measure(found, unit, before, after):
            return []
        kind, scale = UNITS[unit]
    elif found["metric"] or _AFTER_METRIC.search(before) or _is_share(found["first"], before):
        if not re.search(r"[.,]", found["first"]):
            return []
        kind, scale = PLAIN, 1.0
    else:
        return []
    numbers = [one for one in (found["first"], found["second"]) if one]
    return [[_Written(*read, kind, scale) for read in _read(one)] for one in numbers]


def _is_measure(found: re.Match[str], unit: str, before: str, after: str) -> bool:
    """Return whether a number with a unit measures: not "the 1990s", nor "3 points to note"."""
    number = found["first"]
    if unit == "s" and found["unit"] == "s" and number.isdigit():
        return not number.endswith("0")
    if unit in {"points", "point", "pontos", "ponto"} and number.isdigit():
        return bool(_AFTER_CHANGE.search(before) or _BEFORE_CHANGE.match(after))
    return True


def _is_share(number: str, before: str) -> bool:
    """Return whether a number alone looks like a share: 0.93, but not as a program's version."""
    return bool(re.fullmatch(r"0[.,]\d{2,4}", number)) and not _AFTER_NAME.search(before)


def _read(text: str) -> list[tuple[float, int]]:
    """Return how a number may be read, as (value, places): 1,234 and 1.234 in two ways."""
    bare = re.sub(r"['\u00a0\u202f+]", "", text).replace("−", "-")
    ways = {(",", "."), (".", ",")}
    found = {_read_with(bare, thousands, point) for thousands, point in ways}
    return sorted(one for one in found if one is not None)


def _read_with(text: str, thousands: str, point: str) -> tuple[float, int] | None:
    """Return the value and its places with these signs for thousands and the decimal point."""
    whole, _point, fraction = text.partition(point)
    grouped = rf"-?\d+|-?\d{{1,3}}(\{thousands}\d{{3}})+"
    if not re.fullmatch(grouped, whole) or not re.fullmatch(r"\d*", fraction):
        return None
    return float(f"{whole.replace(thousands, '')}.{fraction or 0}"), len(fraction)


def _says(known: Known, written: _Written) -> bool:
    """Return whether one of the known numbers is the written one, at the precision it shows."""
    allowed = HALF * 10.0 ** -_places_shown(written, known)
    return any(
        abs(abs(one) - abs(written.value)) <= allowed + abs(one) * TYPED
        for number in known.numbers
        for one in _as_written(number, known, written)
    )


def _places_shown(written: _Written, known: Known) -> int:
    """Return the precision of a written number: 140 is one of tens, where the known one is too."""
    if written.places or known.scale != written.scale or not isfinite(written.value):
        return written.places
    digits = f"{written.value:.0f}"
    zeros = len(digits) - len(digits.rstrip("0"))
    return max(-zeros, min(0, known.places))


def _as_written(number: float, known: Known, written: _Written) -> tuple[float, ...]:
    """Return a known number in the unit of the written one; nothing, where it cannot be."""
    if known.kind == written.kind or {known.kind, written.kind} == {SHARE, POINTS}:
        return (number * known.scale / written.scale,)
    # An F1 of 0.93 is one of 93 %, and both are written.
    return (number, number / 100) if (written.kind, known.kind) == (PLAIN, SHARE) else ()


def _meant(readings: Sequence[_Written], known: Sequence[Known]) -> str:
    """Return the name of the evidence whose value is nearest, if it is near enough to be meant."""
    distances = {
        one.name: min(_distance(number, one) for number in readings)
        for one in known
        if one.is_evidence
    }
    nearest = min(distances, key=lambda name: distances[name], default="")
    return nearest if distances.get(nearest, inf) <= 1 else ""


def _distance(written: _Written, known: Known) -> float:
    """Return how far a written number is from a measured value; up to 1 is near."""
    if (written.kind, known.kind) in {(SHARE, POINTS), (POINTS, SHARE)}:
        return inf
    ways = _as_written(known.numbers[0], known, written)
    return min((_apart(written, one) for one in ways), default=inf)


def _apart(written: _Written, value: float) -> float:
    """Return the distance between two numbers of one unit, in what counts as near."""
    near = NEAR_POINTS if written.kind in {SHARE, POINTS} else abs(value) * NEAR_SHARE
    return abs(abs(written.value) - abs(value)) / near if near else inf


def _shown(text: str) -> str:
    """Return the words around a number; what is no prose is left out visibly."""
    return text.replace(NOT_PROSE, "[…]")


def _last_words(text: str) -> str:
    """Return the last words before a number, with a sign that some are left out."""
    _left_out, *kept = text.rsplit(" ", WORDS_AROUND + 1)
    return f"… {' '.join(kept)}" if len(kept) > WORDS_AROUND else text


def _first_words(text: str) -> str:
    """Return the first words after a number, with a sign that some are left out."""
    *kept, _left_out = text.split(" ", WORDS_AROUND + 1)
    return f"{' '.join(kept)} …" if len(kept) > WORDS_AROUND else text
