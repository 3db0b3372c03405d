"""Numbers that look like measurements and are written by hand, where a text has evidence to name.

"93% is right" is such a number, and so are 120 ms, $3 and "an F1 of 0.93": nobody can see where it
comes from, and it stays when the evidence moves on. Counts, dates, versions, limits that a goal
names and whatever stands in code are none. Rather too few are found than one too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from decisions.known_numbers import DAYS, PLAIN, TIME, UNITS, Known, KnownNumbers, Written
from decisions.markdown import NOT_PROSE, prose

# Nobody mends more of one text at once; a text that has more says so.
MOST = 50
# What stands around a number that is shown with it: so many words, in so many letters.
WORDS_AROUND = 6
PASSAGE = 200
# How many letters around a number say whether it is a measurement.
SIGHT = 60
MINUTE = UNITS["min"][1]

METRIC = (
    r"(?:(?:macro|micro|token)[ -])?F1(?:[ -]score)?|accuracy|recall(?:@\d+| at \w+)?|precision"
    r"|pass rate|error rate|MRR|mean reciprocal rank|nDCG(?:@\d+| at \w+)?|ROUGE(?:-[L12])?|BLEU"
    r"|AUC|exact match|normalised match|groundedness|citation correctness|(?:embedding )?similarity"
    r"|task success|satisfaction|SUS(?: score)?|System Usability Scale|throughput"
    r"|time to deliver|time on task|acurácia|precisão|satisfação"
)
# What is set and not measured.
SETTING = (
    r"temperature|threshold|cut-?off|learning rate|top[_-][pk]|drop-?out|weight|probability|seed"
    r"|version|release|alpha|beta|level|confidence|quantile|temperatura|limiar|peso|versão"
    r"|probabilidade|p"
)
_DIGITS = r"\d{1,3}(?:[,.'\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?|\.\d+"
_CURRENCY = r"US\$|R\$|[$€£]|\b(?:USD|EUR|BRL|GBP)\b"
# Of money: $3k, 1.2 k$, € 3 million.
TIMES = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "bn": 9, "billion": 9}
_TIMES = "|".join(sorted(TIMES, key=len, reverse=True))
_WORDED = sorted((unit for unit in UNITS if unit[-1].isalnum()), key=len, reverse=True)
_UNIT = rf"%|‰|p\.p\.|req/s|tokens/s|/s\b|[$€£]|(?:{'|'.join(_WORDED)})\b"
_NUMBER = re.compile(
    rf"(?P<currency>{_CURRENCY})?\s?(?<![\w.,:/\-–−+#@])"
    rf"(?P<first>[-−+]?(?:{_DIGITS}))(?!\d)"
    rf"(?:\s?(?:%|{_UNIT})?\s?(?:[–—-]|\bto\b|\bate\b|\baté\b|\ba\b)\s?"
    rf"(?P<second>[-−+]?(?:{_DIGITS}))(?=\s?(?:{_UNIT})))?"
    rf"(?:\s?(?P<times>{_TIMES})\b)?"
    rf"(?P<unit>\s?(?:{_UNIT}))?(?P<metric>\s(?:{METRIC})\b)?(?![\w°]|[-.:/]\d)",
    re.IGNORECASE,
)
_LINKING = (
    r"(?:\s+(?:score|of|is|was|are|at|to|from|about|around|nearly|reaches|reached|de|é|foi|an?|only"
    r"|just|r[io]ses?|fell|falls|drop(?:s|ped)|improve[sd]|increase[sd]|decrease[sd]|grew|goes|went"
    r")\b|[=:≈~])"
)
# Each ends where a number follows that the metric, the setting or the rank is about.
_METRICS = (
    re.compile(rf"\b(?:{METRIC}){_LINKING}*\s*", re.IGNORECASE),
    re.compile(rf"\b(?:{METRIC}){_LINKING}*\s+from\s+(?:{_DIGITS})\s?%?\s+to\s+", re.IGNORECASE),
)
_SETTINGS = (
    re.compile(rf"\b(?:{SETTING})(?:\s+(?:of|is|was|de)\b|\s*[=:<>≤≥])*\s*", re.IGNORECASE),
)
_RANKS = (re.compile(r"\b(?:recall|precision|nDCG|MRR|MAP|hits?)\s?(?:at|@)\s*", re.IGNORECASE),)
_AFTER_NAME = re.compile(r"\b(?=\w{2,}\s$)(?=\w*[A-Z])[A-Za-z]\w*\s$")
_DECIMAL, _WHOLE = re.compile("[.,]"), re.compile(r"\d{2,3}")
_SHARE = re.compile(r"0[.,]\d{2,4}")
_YEARS = re.compile(r"(?:1[89]|20)\d0")
_AFTER_DECADE = re.compile(
    r"(?:\b(?:the|early|late|mid|his|her|their|your|our)\W|['’])$", re.IGNORECASE
)
_AFTER_TAKING = re.compile(
    r"\b(?:take[sn]?|took|need(?:s|ed)?|last(?:s|ed)|leva|levou)"
    r"(?:\s+(?:about|around|only|just|nearly|up to))*\s$",
    re.IGNORECASE,
)
_BEFORE_LEVEL = re.compile(
    r"^[\s-]*(?:CI\b|confiden|interval|credible|certain|sure\b|IC\b|intervalo)", re.IGNORECASE
)
# What counts something is followed by its name: "an accuracy of 12 labels".
_BEFORE_NO_NAME = re.compile(
    r"^\s*(?:$|[.,;:!?)\]…–—]|[-+]\s|(?:and|or|but|at|on|in|for|with|against|versus|vs|to|while"
    r"|when|after|before|than|as|from|is|was|e|ou|em|com|para)\b)",
    re.IGNORECASE,
)
_BEFORE_SCALE = re.compile(r"^\s(?:out\s)?of\s(?:5|7|10|100)\b")
_AFTER_CHANGE = re.compile(
    r"\b(?:by|gain\w*|los[et]\w*|dropp?\w*|r[io]se\w*|fell|falls|improv\w*|differ\w*)\s(?:\w+\s)?$",
    re.IGNORECASE,
)
_BEFORE_CHANGE = re.compile(
    r"^\s(?:better|worse|more|less|ahead|behind|higher|lower|above|below|under|over)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?<!\S)\S*(?:://|@|www\.)\S*")
_AFTER_COMPARING = re.compile(
    r"\b(?:than|over|against|versus|vs\.?|beats?|as|to|from|unlike|do que|contra)\s+$",
    re.IGNORECASE,
)
# What leads from a candidate to its figure. Letters that are also words need it.
WORDS = frozenset("AEIO")
_OF_IT = (
    r"\)?(?:\s+(?:has|had|reach(?:es|ed)|is|was|gets|got|scores|scored|takes|took|costs|needs|at|right"
    r"|with|an?|about|around|only|just|nearly|in|tem|é|leva|custa))+\s+|\s*[(:=]\s*"
)


@dataclass(frozen=True)
class BareNumber:
    """A number written by hand, the words around it, and the evidence that says nearly the same.

    `goes_on` says that the text has more of them, which are not listed.
    """

    before: str
    number: str
    after: str
    meant: str = ""
    goes_on: bool = False

    @property
    def suggestion(self) -> str:
        """Return what to write in its place, or "" where nothing is near."""
        return f"[[{self.meant}]]" if self.meant else ""


def bare_numbers(text: str, known: KnownNumbers | Sequence[Known]) -> list[BareNumber]:
    """Return the numbers in a Markdown text that look measured and that nothing known says.

    A number that evidence or a goal says at the precision it is written with (its value, an end of
    its interval, a target) is none of them. Beside the letter or the name of a candidate, it has to
    be one of that candidate. At most `MOST` are listed.
    """
    numbers = known if isinstance(known, KnownNumbers) else KnownNumbers(known)
    every = (one for block in prose(text) for one in _in_block(block, numbers))
    found = list(islice(every, MOST + 1))
    if len(found) > MOST:
        found[MOST - 1 :] = [replace(found[MOST - 1], goes_on=True)]
    return found


@dataclass(frozen=True)
class _Seen:
    """A number in a text, what stands before and after it, and what it is about."""

    found: re.Match[str]
    is_of_metric: bool
    is_set: bool
    is_rank: bool

    @property
    def before(self) -> str:
        """Return the letters before the number itself, without its currency."""
        start = self.found.start("first")
        return self.found.string[max(0, start - SIGHT) : start]

    @property
    def after(self) -> str:
        """Return the letters after the number and its unit."""
        return self.found.string[self.found.end() : self.found.end() + SIGHT]

    @property
    def number(self) -> str:
        """Return the number, the first of two."""
        return self.found["first"]

    @property
    def unit(self) -> str:
        """Return the unit in small letters, or ""."""
        return (self.found["currency"] or self.found["unit"] or "").strip().lower()

    @property
    def place(self) -> tuple[int, int]:
        """Return where it stands, without the spaces around it."""
        whole = self.found[0]
        lead = len(whole) - len(whole.lstrip())
        return self.found.start() + lead, self.found.start() + len(whole.rstrip())


def _seen_in(text: str) -> Iterator[_Seen]:
    """Yield the numbers of a text; what they are about is looked for once, not for each."""
    of_metric, is_set, rank = (_ends(one, text) for one in (_METRICS, _SETTINGS, _RANKS))
    for found in _NUMBER.finditer(text):
        start = found.start("first")
        yield _Seen(found, start in of_metric, start in is_set, start in rank)


def _ends(patterns: Sequence[re.Pattern[str]], text: str) -> set[int]:
    """Return where what the patterns find ends."""
    return {found.end() for one in patterns for found in one.finditer(text)}


def _in_block(block: str, known: KnownNumbers) -> Iterator[BareNumber]:
    # Addresses keep their length, so that places in the text stay what they are.
    readable = _ADDRESS.sub(lambda found: "x" * len(found[0]), block)
    for seen in _seen_in(readable):
        readings = _readings(seen, known)
        own = _of_its_candidate(seen, known) if readings else known
        unsaid = next((one for one in readings if not any(map(own.says, one))), None)
        if unsaid:
            yield _bare(block, seen, own.meant(unsaid))


def _bare(block: str, seen: _Seen, meant: str) -> BareNumber:
    """Return a number with the words around it."""
    start, end = seen.place
    before = _shown(block[max(0, start - PASSAGE) : start])
    after = _shown(block[end : end + PASSAGE])
    return BareNumber(_last_words(before), block[start:end], _first_words(after), meant)


def _of_its_candidate(seen: _Seen, known: KnownNumbers) -> KnownNumbers:
    """Return what is known of the candidate beside whose letter or name a number stands."""
    start, _end = seen.place
    before = seen.found.string[max(0, start - SIGHT) : start]
    beside = _naming(known.names).search(before) if known.names else None
    if not beside or _AFTER_COMPARING.search(before[: beside.start()]):
        return known
    return known.about(beside["name"])


@lru_cache(maxsize=64)
def _naming(names: frozenset[str]) -> re.Pattern[str]:
    """Return what finds one of these names, with what leads from it to its figure."""
    called = "|".join(re.escape(one) for one in sorted(names, key=len, reverse=True))
    words = "|".join(WORDS)
    return re.compile(rf"(?<!\w)(?P<name>{called})(?:{_OF_IT}|(?<!\b[{words}])\s+)$")


def _readings(seen: _Seen, known: KnownNumbers) -> list[list[Written]]:
    """Return how each number of a match may be read; none, if it does not look measured."""
    found, unit = seen.found, seen.unit
    looks_measured = _is_measure(seen, known) if unit else _is_score(seen)
    if not looks_measured or seen.is_set or _BEFORE_LEVEL.match(seen.after):
        return []
    kind, scale = UNITS[unit] if unit else (PLAIN, 1.0)
    times = TIMES[found["times"].lower()] if found["times"] else 0
    numbers = [one for one in (found["first"], found["second"]) if one]
    return [[_written(*read, times, kind, scale, one) for read in _read(one)] for one in numbers]


def _is_measure(seen: _Seen, known: KnownNumbers) -> bool:
    """Return whether a number with a unit measures: not "the 1990s", nor "3 points to note"."""
    kind, scale = UNITS[seen.unit]
    if seen.found["times"] and not kind.isupper():
        return False
    if seen.found["unit"] == "s" and seen.number.isdigit():
        return not _is_decade(seen)
    if seen.unit in {"points", "point", "pontos", "ponto"} and seen.number.isdigit():
        return bool(_AFTER_CHANGE.search(seen.before) or _BEFORE_CHANGE.match(seen.after))
    if kind == DAYS or (kind == TIME and scale >= MINUTE):
        return _takes_time(seen) or known.measures(kind, scale)
    return True


def _takes_time(seen: _Seen) -> bool:
    """Return whether it is said how long something takes; most hours and days are waits."""
    is_said = _AFTER_TAKING.search(seen.before) or seen.after.lstrip().startswith("per ")
    return seen.is_of_metric or bool(is_said)


def _is_decade(seen: _Seen) -> bool:
    """Return whether a whole number with an "s" is some years, or a rough count: "100s of"."""
    is_years = _YEARS.fullmatch(seen.number) or _AFTER_DECADE.search(seen.before)
    return seen.number.endswith("0") and bool(is_years or re.match(r"\sof\b", seen.after))


def _is_score(seen: _Seen) -> bool:
    """Return whether a number without a unit is what some metric says, or looks like a share."""
    if seen.found["times"] or seen.is_rank:
        return False
    if _DECIMAL.search(seen.number):
        is_metric = seen.found["metric"] or seen.is_of_metric or _BEFORE_SCALE.match(seen.after)
        return bool(is_metric) or _is_share(seen.number, seen.before)
    is_whole = seen.is_of_metric and _WHOLE.fullmatch(seen.number)
    return bool(is_whole and _BEFORE_NO_NAME.match(seen.after))


def _is_share(number: str, before: str) -> bool:
    """Return whether a number alone looks like a share: 0.93, but not as a program's version."""
    return bool(_SHARE.fullmatch(number)) and not _AFTER_NAME.search(before)


def _written(value: float, places: int, times: int, kind: str, scale: float, typed: str) -> Written:
    """Return a number as it is read, with the power of ten after it and the sign before it."""
    is_below = typed.startswith(("-", "−"))
    return Written(value * 10.0**times, places - times, kind, scale, is_below)


def _read(text: str) -> list[tuple[float, int]]:
    """Return how a number may be read, as (value, places): 1,234 and 1.234 in two ways."""
    bare = re.sub(r"['\u00a0\u202f+−-]", "", text)
    ways = {(",", "."), (".", ",")}
    found = {_read_with(bare, thousands, point) for thousands, point in ways}
    return sorted(one for one in found if one is not None)


def _read_with(text: str, thousands: str, point: str) -> tuple[float, int] | None:
    """Return the value and its places with these signs for thousands and the decimal point."""
    whole, _point, fraction = text.partition(point)
    grouped = rf"\d*|\d{{1,3}}(\{thousands}\d{{3}})+"
    if not re.fullmatch(grouped, whole) or not re.fullmatch(r"\d*", fraction):
        return None
    return float(f"{whole.replace(thousands, '')}.{fraction or 0}"), len(fraction)


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
