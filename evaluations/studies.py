"""What a study with people comes to: task success, scores on a scale, time on task. Pure.

Sauro and Lewis (2016), Quantifying the User Experience, 2nd edition, chapters 3 and 8, is the
source of which interval suits which figure; Brooke (1996), "SUS: a quick and dirty usability
scale", of how its ten answers become a score.
"""

import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.actions.evidence import Measurement
from decisions.numbers import format_count, format_number
from evaluations.bootstrap import mean_interval
from evaluations.outside_figures import OutsideFigure
from evaluations.statistics import Interval, geometric_mean, mean_t, spread, wilson

MOST_PEOPLE = 100_000
# From so many on the scores themselves say how their mean spreads.
ENOUGH_TO_RESAMPLE = 10
# Beyond this a mean is as good as normal, and resampling takes seconds.
MOST_TO_RESAMPLE = 5_000
SUS_LOWEST, SUS_HIGHEST, SUS_QUESTIONS = 0.0, 100.0, 10
LONGEST_TASK = 30 * 86_400.0  # seconds
_SEPARATOR = re.compile(r" *[;,|\t] *| +")
_COLUMNS = re.compile(r"[;,|\t]")
_BEGINS_AS_NUMBER = re.compile(r'[ "]*[-+.]?\d')
# Three digits after a comma could be thousands.
_DECIMAL_COMMA = re.compile(r'"?[-+]?\d+,\d{1,2}"?')


class Unusable(ValueError):
    """Numbers that no study can have come to; the message is a sentence."""


@dataclass(frozen=True)
class Circumstances:
    """Under what a study was done: who took part, how, when, and what must agree ("task": …)."""

    participants: str
    method: str
    studied_on: date
    conditions: Mapping[str, str]


def measurement(figure: OutsideFigure, about: Circumstances, *, source_digest: str) -> Measurement:
    """Return a study's figure as the record takes it in."""
    day = date_format(about.studied_on, "j F Y")
    told = {"figure": figure.how, "day": day}
    told |= {"who": sentence(about.participants), "how": sentence(about.method)}
    method = _("%(figure)s %(how)s Who took part: %(who)s Done on %(day)s.")
    return figure.measurement(
        method=method % told,
        origin=_("Study of %(day)s") % told,
        source_digest=source_digest,
        conditions=about.conditions,
    )


def sentence(text: str) -> str:
    """Return a text that ends as a sentence does."""
    plain = text.strip()
    return plain if plain.endswith((".", "!", "?", "…")) else f"{plain}."


def task_success(successes: int, people: int) -> OutsideFigure:
    """Return the share of people who reached what they were asked to, in percent."""
    if not 0 <= successes <= people or not 0 < people <= MOST_PEOPLE:
        raise Unusable(_("At most as many people can succeed as took part."))
    told = {"successes": format_count(successes), "n": format_count(people)}
    interval = wilson(successes, people)
    how = ngettext(
        "%(successes)s of %(n)s person succeeded.",
        "%(successes)s of %(n)s people succeeded.",
        people,
    )
    return _figure("task_success", 100 * successes / people, people, how % told, interval, 100)


def scale_mean(
    scores: Sequence[float], lowest: float, highest: float, metric: str = "satisfaction"
) -> OutsideFigure:
    """Return the mean of a questionnaire's scores, each from `lowest` to `highest`.

    With fewer than ten scores, or thousands, Student's interval; else the bootstrap's (BCa).
    """
    _refuse_outside(scores, lowest, highest)
    found = spread(scores)
    how = _scores_in_words(found.n, found.sd)
    if found.sd is None or found.sd == 0:
        return OutsideFigure(metric, found.mean, found.n, f"{how} {_without_spread(found.n)}")
    if ENOUGH_TO_RESAMPLE <= found.n <= MOST_TO_RESAMPLE:
        interval = mean_interval(list(scores))
    else:
        interval = mean_t(found.mean, found.sd, found.n)
    bounded = _within(interval, lowest, highest)
    return _figure(metric, found.mean, found.n, how, bounded)


def mean_of_summary(
    n: int, mean: float, sd: float, lowest: float, highest: float, metric: str = "satisfaction"
) -> OutsideFigure:
    """Return the mean of scores of which only n, mean and standard deviation (n - 1) are known."""
    if not 0 < n <= MOST_PEOPLE or sd < 0 or sd > highest - lowest:
        raise Unusable(_("These are not the mean and spread of scores on this scale."))
    _refuse_outside([mean], lowest, highest)
    how = _scores_in_words(n, sd)
    if n < 2 or sd == 0:
        return OutsideFigure(metric, mean, n, f"{how} {_without_spread(n)}")
    return _figure(metric, mean, n, how, _within(mean_t(mean, sd, n), lowest, highest))


def time_on_task(times: Sequence[float]) -> OutsideFigure:
    """Return the geometric mean of the times (seconds) of those who succeeded."""
    if not times or min(times) <= 0 or max(times) > LONGEST_TASK:
        raise Unusable(_("A time on task is longer than nothing and shorter than a month."))
    _refuse_too_many(times)
    mean, interval = geometric_mean(times)
    n = len(times)
    how = ngettext(
        "The geometric mean of %(n)s time, as times on a task are skewed.",
        "The geometric mean of %(n)s times, as times on a task are skewed.",
        n,
    ) % {"n": format_count(n)}
    if interval.low is None or len(set(times)) == 1:
        return OutsideFigure("time_on_task", mean, n, f"{how} {_without_spread(n)}")
    return _figure("time_on_task", mean, n, how, interval)


def sus_scores(text: str) -> list[float]:
    """Return the System Usability Scale's scores: one a person, or from ten answers each (1 to 5).

    Answers are in the questionnaire's order: odd questions agree with what is good, even ones with
    what is bad (Brooke 1996).
    """
    rows = _rows_of(text, (1, SUS_QUESTIONS))
    return _some(row[0] if len(row) == 1 else _sus_score(row) for row in rows)


def _sus_score(answers: Sequence[float]) -> float:
    if any(one not in (1, 2, 3, 4, 5) for one in answers):
        raise Unusable(_("Each of the ten answers is a whole number from 1 to 5."))
    points = [one - 1 if at % 2 == 0 else 5 - one for at, one in enumerate(answers)]
    return 2.5 * sum(points)


def numbers_of(text: str) -> list[float]:
    """Return pasted numbers, one a line."""
    return _some(row[0] for row in _rows_of(text, (1,)))


def _some(numbers: Iterable[float]) -> list[float]:
    found = list(islice(numbers, MOST_PEOPLE + 1))
    if not found:
        raise Unusable(_("There are no numbers."))
    _refuse_too_many(found)
    return found


def _rows_of(text: str, widths: Collection[int]) -> Iterator[list[float]]:
    """Yield the numbers of each line, all as many as in the first, which is one of the `widths`.

    A first line of words is a header and is left out. Whatever has more columns is refused: one of
    people's numbers would be counted among their scores.
    """
    columns = width = 0
    for at, (line, plain) in enumerate(_lines_of(text)):
        if at == 0 and _is_header(plain):
            columns = _columns_of(plain, widths)
            width = columns if columns > 1 else 0
            continue
        fields = _fields_of(plain, has_one_column=columns == 1)
        if len(fields) not in widths or len(fields) != (width or len(fields)):
            raise Unusable(_too_wide(widths) % {"line": line})
        width = len(fields)
        yield [_number(one) for one in fields]


def _lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that holds something."""
    for line, told in enumerate(io.StringIO(text.lstrip("\ufeff"), newline=None), 1):
        if told.strip():
            yield line, told.replace("\xa0", " ").strip(" \n")


def _is_header(line: str) -> bool:
    """Return whether none of its columns begins as a number does."""
    return not any(map(_BEGINS_AS_NUMBER.match, _COLUMNS.split(line, SUS_QUESTIONS)))


def _columns_of(header: str, widths: Collection[int]) -> int:
    """Return how many columns a header names; raise `Unusable` for more than can be told apart."""
    columns = len(_COLUMNS.split(header, SUS_QUESTIONS))
    if columns not in widths:
        told = _("The first line names %(n)s columns. Leave only the one that is asked for.")
        if SUS_QUESTIONS in widths:
            told = _("The first line names %(n)s columns. Leave only the scores, or ten answers.")
        raise Unusable(told % {"n": columns if columns <= SUS_QUESTIONS else _("many")})
    return columns


def _fields_of(line: str, *, has_one_column: bool) -> list[str]:
    """Return what a line's separators part; a comma is one unless there is only one column."""
    if has_one_column and _DECIMAL_COMMA.fullmatch(line):
        return [line.strip('"').replace(",", ".")]
    # A part more than any line may have tells enough of a line that has a million.
    return [one.strip('"') for one in _SEPARATOR.split(line, SUS_QUESTIONS)]


def _too_wide(widths: Collection[int]) -> str:
    if SUS_QUESTIONS in widths:
        return _(
            "Line %(line)s does not hold one score, or ten answers, as the other lines do. Leave "
            "out everything else, and put a point before decimals."
        )
    return _(
        "Line %(line)s holds more than a number. Give one a line, with a point before decimals."
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _number(text: str) -> float:
    if not _is_number(text) or not abs(float(text)) < 1e12:
        raise Unusable(_("“%(text)s” is no number.") % {"text": text[:40]})
    return float(text)


def _refuse_too_many(values: Sequence[float]) -> None:
    if len(values) > MOST_PEOPLE:
        told = {"n": format_count(MOST_PEOPLE)}
        raise Unusable(_("These are more than %(n)s numbers.") % told)


def _refuse_outside(scores: Sequence[float], lowest: float, highest: float) -> None:
    if not scores or not lowest < highest:
        raise Unusable(_("A scale goes from a lower to a higher score."))
    outside = [one for one in scores if not lowest <= one <= highest]
    if outside:
        told = {"score": format_number(outside[0]), "low": format_number(lowest)}
        told["high"] = format_number(highest)
        raise Unusable(_("%(score)s is not on the scale from %(low)s to %(high)s.") % told)


def _scores_in_words(n: int, sd: float | None) -> str:
    told = {"n": format_count(n)}
    mean = ngettext("The mean of %(n)s score", "The mean of %(n)s scores", n) % told
    if sd is None:
        return f"{mean}."
    return _("%(mean)s; standard deviation %(sd)s.") % {"mean": mean, "sd": f"{sd:.3g}"}


def _without_spread(n: int) -> str:
    """Return why there is no interval."""
    if n == 1:
        return _("One person says nothing of how others differ, so there is no interval.")
    return _("All are the same, which says nothing of how others differ: there is no interval.")


def _within(interval: Interval, lowest: float, highest: float) -> Interval:
    """Return an interval that ends where the scale does."""
    low = lowest if interval.low is None else max(lowest, interval.low)
    high = highest if interval.high is None else min(highest, interval.high)
    return Interval(low, high, interval.confidence, interval.method)


def _figure(
    metric: str, value: float, n: int, how: str, interval: Interval, scale: float = 1.0
) -> OutsideFigure:
    low, high = interval.low, interval.high
    if low is None or high is None:
        return OutsideFigure(metric, value, n, how)
    method = f"{interval.method}, {interval.confidence:.0%}"
    return OutsideFigure(metric, value, n, how, scale * low, scale * high, method)
