"""How sure a figure is: intervals and paired comparisons. Pure functions of plain numbers."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

PERCENTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval; an end is None where the sample is too small to bound it."""

    low: float | None
    high: float | None
    confidence: float
    method: str


@dataclass(frozen=True, slots=True)
class Quantile:
    """An estimated quantile with its interval, in the unit of the sample."""

    value: float
    interval: Interval
    n: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How figures of the same thing differ, as over seeds; `sd` is None for a single one."""

    mean: float
    sd: float | None
    low: float
    high: float
    n: int

    @property
    def range(self) -> float:
        """Return how far the highest is from the lowest."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Two candidates on the same cases. `difference` is the first's share right minus the second's.

    Cases are counted by who was right: both, the first or the second only, neither.
    """

    both: int
    first_only: int
    second_only: int
    neither: int
    difference: float
    interval: Interval
    p_value: float

    @property
    def n(self) -> int:
        """Return the number of cases."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def decisive(self) -> bool:
        """Return whether test and interval both tell the two apart at the interval's confidence."""
        low, high = self.interval.low, self.interval.high
        apart = low is not None and high is not None and (low > 0 or high < 0)
        return apart and self.p_value <= 1 - self.interval.confidence


def normal_quantile(confidence: float) -> float:
    """Return the two-sided normal quantile: 1.959964 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the score interval of a proportion (Wilson 1927); ends within 0 and 1.

    Raise ValueError unless 0 <= successes <= n and n > 0.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a proportion")
    z = normal_quantile(confidence)
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else (centre - spread) / (1 + z * z / n)
    high = 1.0 if successes == n else (centre + spread) / (1 + z * z / n)
    return Interval(low, high, confidence, "Wilson")


def mean_t(mean: float, sd: float, n: int, confidence: float = 0.95) -> Interval:
    """Return Student's interval of a mean, from the sample's mean and standard deviation (n - 1).

    Sauro and Lewis (2016), Quantifying the User Experience, chapter 3, for scores of rating
    scales. Raise ValueError unless n >= 2 and sd >= 0.
    """
    if n < 2 or sd < 0:
        raise ValueError(f"{n} values that spread by {sd} bound no mean")
    reach = t_quantile(confidence, n - 1) * sd / math.sqrt(n)
    return Interval(mean - reach, mean + reach, confidence, "Student's t")


def geometric_mean(values: Sequence[float], confidence: float = 0.95) -> tuple[float, Interval]:
    """Return the geometric mean of positive values with its interval: Student's on their logs.

    The middle of times on a task, which are skewed; better than median and mean below some 25
    people (Sauro and Lewis 2010, CHI '10:2347-2350; 2016, chapter 3). Without ends for a single
    value. Raise ValueError without values, or if one is not positive.
    """
    if not values or min(values) <= 0:
        raise ValueError("a geometric mean needs positive values")
    found = spread([math.log(one) for one in values])
    if found.sd is None:
        return math.exp(found.mean), Interval(None, None, confidence, "Student's t on logarithms")
    logs = mean_t(found.mean, found.sd, found.n, confidence)
    low, high = (math.exp(end) for end in (logs.low or 0.0, logs.high or 0.0))
    return math.exp(found.mean), Interval(low, high, confidence, "Student's t on logarithms")


def t_quantile(confidence: float, df: float) -> float:
    """Return the two-sided quantile of Student's t: 2.262157 for 0.95 and 9 degrees of freedom.

    Solves the distribution function by halving, to twelve digits. Raise ValueError unless
    0 < confidence < 1 and df > 0.
    """
    if not 0 < confidence < 1 or df <= 0:
        raise ValueError("a quantile of t needs a share between 0 and 1 and degrees of freedom")
    low, high = 0.0, 1.0
    while _within(high, df) < confidence:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < confidence else (low, middle)
    return (low + high) / 2


def _within(t: float, df: float) -> float:
    """Return P(-t <= T <= t) for Student's T (Abramowitz and Stegun 1964, 26.7.1 and 26.5.27)."""
    return 1 - incomplete_beta(df / (df + t * t), df / 2, 0.5)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), 0 <= x <= 1, a and b positive.

    By its continued fraction (Abramowitz and Stegun 1964, 26.5.8; Press et al. 2007, section 6.4).
    """
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / a
    return front * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1_000):
        m = step // 2
        if step == 0:
            factor = 1.0
        elif step % 2 == 0:
            factor = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            factor = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + factor * d or tiny)
        c = 1 + factor / c or tiny
        value *= c * d
        if step and abs(1 - c * d) < 1e-15:
            break
    return value - 1


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Return P(X <= k) for X ~ Binomial(n, p), 0 < p < 1, by summing the mass function."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return min(1.0, math.fsum(binomial_mass(i, n, p) for i in range(k + 1)))


def binomial_mass(k: int, n: int, p: float) -> float:
    """Return P(X = k) for X ~ Binomial(n, p), 0 < p < 1."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def quantile(sample: Sequence[float], q: float, confidence: float = 0.95) -> Quantile:
    """Return a quantile (0 < q < 1) with a distribution-free interval between two observations.

    The estimate interpolates linearly (Hyndman and Fan 1996, type 7). The interval's ends are the
    innermost order statistics with at most (1 - confidence) / 2 beyond each (Conover 1999,
    section 3.2; Hahn and Meeker 1991, section 5.2). Raise ValueError for an empty sample.
    """
    if not sample or not 0 < q < 1:
        raise ValueError("a quantile needs a sample and a share between 0 and 1")
    ordered = sorted(sample)
    lower, upper = order_statistics(len(ordered), q, confidence)
    low = ordered[lower - 1] if lower else None
    high = ordered[upper - 1] if upper else None
    interval = Interval(low, high, confidence, "order statistics")
    return Quantile(interpolated(ordered, q), interval, len(ordered))


def quantiles(
    sample: Sequence[float], shares: Sequence[float] = PERCENTILES, confidence: float = 0.95
) -> tuple[Quantile, ...]:
    """Return several quantiles of a sample, p50, p95 and p99 unless told; see `quantile`.

    At 95% confidence p50 has both ends from 6 values on, p95 from 72 and p99 from 368.
    """
    ordered = sorted(sample)
    return tuple(quantile(ordered, share, confidence) for share in shares)


def interpolated(ordered: Sequence[float], q: float) -> float:
    """Return the type 7 quantile of a sorted sample."""
    place = (len(ordered) - 1) * q
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def order_statistics(n: int, q: float, confidence: float) -> tuple[int | None, int | None]:
    """Return the ranks (from 1) of the interval's ends; None where no observation will do.

    With B ~ Binomial(n, q) observations below the quantile: the low rank r is the highest with
    P(B < r) <= tail, the high rank s the lowest with P(B >= s) <= tail.
    """
    tail = (1 - confidence) / 2
    lower, upper, below = None, None, 0.0
    for rank in range(1, n + 1):
        below += binomial_mass(rank - 1, n, q)  # P(B < rank)
        if below <= tail:
            lower = rank
        if below >= 1 - tail:
            upper = rank
            break
    return lower, upper


def mcnemar_exact(first_only: int, second_only: int) -> float:
    """Return the two-sided exact p-value of McNemar's test (McNemar 1947; Fay 2010).

    Under the null hypothesis each case on which the two differ falls to either side like a coin.
    """
    discordant = first_only + second_only
    return min(1.0, 2 * binomial_cdf(min(first_only, second_only), discordant, 0.5))


def phi_corrected(both: int, first_only: int, second_only: int, neither: int) -> float:
    """Return the correlation of the pairs with Newcombe's continuity correction; 0 if undefined."""
    n = both + first_only + second_only + neither
    margins = (
        (both + first_only)
        * (second_only + neither)
        * (both + second_only)
        * (first_only + neither)
    )
    if not margins:
        return 0.0
    product = both * neither - first_only * second_only
    return (max(product - n / 2, 0) if product > 0 else product) / math.sqrt(margins)


def paired_difference(
    both: int, first_only: int, second_only: int, neither: int, confidence: float = 0.95
) -> Interval:
    """Return the interval of the difference of two paired proportions, first minus second.

    Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10: the two Wilson intervals
    combined, allowing for the correlation of the pairs. Raise ValueError without pairs.
    """
    n = both + first_only + second_only + neither
    first = wilson(both + first_only, n, confidence)
    second = wilson(both + second_only, n, confidence)
    phi = phi_corrected(both, first_only, second_only, neither)
    down, up = arms(first, (both + first_only) / n)
    other_down, other_up = arms(second, (both + second_only) / n)
    difference = (first_only - second_only) / n
    low = difference - reach(down, other_up, phi)
    high = difference + reach(up, other_down, phi)
    return Interval(max(low, -1.0), min(high, 1.0), confidence, "Newcombe paired, method 10")


def reach(one: float, other: float, phi: float) -> float:
    """Return how far two arms reach together when their ends are correlated by `phi`."""
    return math.sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))


def arms(interval: Interval, value: float) -> tuple[float, float]:
    """Return how far an interval reaches below and above its value."""
    low = value if interval.low is None else interval.low
    high = value if interval.high is None else interval.high
    return value - low, high - value


def compare_paired(
    first: Sequence[bool], second: Sequence[bool], confidence: float = 0.95
) -> PairedComparison:
    """Return the comparison of two candidates that answered the same cases, in the same order.

    A case that one of them failed to answer counts as wrong. Raise ValueError if the lengths
    differ or there are no cases.
    """
    if not first:
        raise ValueError("a comparison needs at least one case")
    pairs = list(zip(first, second, strict=True))
    counted = Counter((bool(a), bool(b)) for a, b in pairs)
    outcomes = ((True, True), (True, False), (False, True), (False, False))
    both, first_only, second_only, neither = (counted[outcome] for outcome in outcomes)
    return PairedComparison(
        both,
        first_only,
        second_only,
        neither,
        difference=(first_only - second_only) / len(pairs),
        interval=paired_difference(both, first_only, second_only, neither, confidence),
        p_value=mcnemar_exact(first_only, second_only),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for being several (Holm 1979), in the given order."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def cases_needed(
    difference: float, discordant: float, confidence: float = 0.95, power: float = 0.8
) -> int:
    """Return how many paired cases tell a difference apart, when a share `discordant` differs.

    Connor (1987), Biometrics 43:207-211, equation 3. Raise ValueError unless
    0 < |difference| <= discordant <= 1.
    """
    if not 0 < abs(difference) <= discordant <= 1:
        raise ValueError("the difference must not exceed the share of cases that differ")
    z, z_power = normal_quantile(confidence), NormalDist().inv_cdf(power)
    spread = z * math.sqrt(discordant) + z_power * math.sqrt(discordant - difference**2)
    return math.ceil((spread / difference) ** 2)


def cases_needed_for_mean(
    difference: float, sd: float, confidence: float = 0.95, power: float = 0.8
) -> int:
    """Return how many paired cases tell a mean difference apart, when differences spread by `sd`.

    Guenther (1981), The American Statistician 35:243-244: the normal formula, and z^2 / 2 for the
    t-test's sake. Raise ValueError unless the difference is not 0 and sd is positive.
    """
    if difference == 0 or sd <= 0:
        raise ValueError("a difference of 0 or without spread takes no number of cases")
    z, z_power = normal_quantile(confidence), NormalDist().inv_cdf(power)
    return math.ceil(((z + z_power) * sd / difference) ** 2 + z * z / 2)


def spread(figures: Sequence[float]) -> Spread:
    """Return mean, sample standard deviation (n - 1) and range; ValueError without figures.

    Over seeds it describes the seeds that were tried; it is no interval over the cases.
    """
    if not figures:
        raise ValueError("a spread needs at least one figure")
    mean = math.fsum(figures) / len(figures)
    squares = math.fsum((one - mean) ** 2 for one in figures)
    sd = math.sqrt(squares / (len(figures) - 1)) if len(figures) > 1 else None
    return Spread(mean, sd, min(figures), max(figures), len(figures))
