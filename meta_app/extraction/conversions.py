"""What a paper reports otherwise than asked, as the number that is asked: plain Python.

Each conversion answers the values with the sentence of what was reported and the formula, which are kept beside them.

References
----------
Higgins JPT et al. Cochrane Handbook for Systematic Reviews of Interventions, version 6.5, 6.5.2.2 (SE and CI to SD).
Wan X et al. BMC Med Res Methodol 2014;14:135. doi:10.1186/1471-2288-14-135 (SD from range and quartiles).
Luo D et al. Stat Methods Med Res 2018;27:1785. doi:10.1177/0962280216669183 (mean from range and quartiles).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

Numbers = Mapping[str, float]

MONTHS_IN_A_YEAR: Final = 12.0
WEEKS_IN_A_YEAR: Final = 365.25 / 7
DAYS_IN_A_YEAR: Final = 365.25
_NORMAL: Final = "mean by Luo 2018, SD by Wan 2014 for a normal distribution (not for skewed values)"


@dataclass(frozen=True)
class Converted:
    """The values by what they are (mean, sd, women), what was reported, and by which formula they were computed."""

    values: dict[str, float]
    reported: str
    formula: str


@dataclass(frozen=True)
class Conversion:
    """A way of reporting: its name, the numbers it takes as (key, label), and what makes values of them."""

    title: str
    target: str
    inputs: tuple[tuple[str, str], ...]
    convert: Callable[[Numbers], Converted]


def sd_from_se(given: Numbers) -> Converted:
    """SD = SE × √n (Cochrane Handbook 6.5.2.2).

    Examples
    --------
    >>> sd_from_se({"mean": 64.4, "se": 2.1, "n": 19}).values
    {'mean': 64.4, 'sd': 9.1537}
    """
    mean, se, n = given["mean"], _positive(given, "se"), _people(given)
    return _mean_sd(mean, se * math.sqrt(n), f"{mean:g}, SE {se:g}, n = {n}", "SD = SE × √n")


def sd_from_ci(given: Numbers) -> Converted:
    """SD = √n × (upper − lower) / (2 t), t at 0.975 and n − 1 degrees of freedom (Cochrane Handbook 6.5.2.2).

    Examples
    --------
    >>> sd_from_ci({"mean": 32.1, "lower": 30.0, "upper": 34.2, "n": 25}).values
    {'mean': 32.1, 'sd': 5.0875}
    """
    mean, n = given["mean"], _people(given)
    lower, upper = _ordered(given, "lower", "upper")
    t = t_quantile(0.975, n - 1)
    reported = f"{mean:g}, 95% CI {lower:g} to {upper:g}, n = {n}"
    return _mean_sd(mean, math.sqrt(n) * (upper - lower) / (2 * t), reported, f"SD = √n × width / {2 * t:.3f}")


def mean_sd_from_quartiles(given: Numbers) -> Converted:
    """Mean by Luo 2018 (equation 15) and SD by Wan 2014 (equation 16) from median and quartiles."""
    n = _people(given)
    q1, median = _ordered(given, "q1", "median")
    median, q3 = _ordered(given, "median", "q3")
    weight = 0.7 + 0.39 / n
    mean = weight * (q1 + q3) / 2 + (1 - weight) * median
    sd = (q3 - q1) / (2 * NormalDist().inv_cdf((0.75 * n - 0.125) / (n + 0.25)))
    reported = f"median {median:g}, quartiles {q1:g} to {q3:g}, n = {n}"
    return _mean_sd(mean, sd, reported, f"{_NORMAL}, from median and quartiles")


def mean_sd_from_range(given: Numbers) -> Converted:
    """Mean by Luo 2018 (equation 7) and SD by Wan 2014 (equation 9) from median, least and greatest value."""
    n = _people(given)
    least, median = _ordered(given, "least", "median")
    median, greatest = _ordered(given, "median", "greatest")
    weight = 4 / (4 + n**0.75)
    mean = weight * (least + greatest) / 2 + (1 - weight) * median
    sd = (greatest - least) / (2 * NormalDist().inv_cdf((n - 0.375) / (n + 0.25)))
    reported = f"median {median:g}, range {least:g} to {greatest:g}, n = {n}"
    return _mean_sd(mean, sd, reported, f"{_NORMAL}, from median and range")


def _from_parts_of_a_year(unit: str, in_a_year: float) -> Callable[[Numbers], Converted]:
    def convert(given: Numbers) -> Converted:
        mean, sd = given["mean"], given["sd"]
        reported, formula = f"{mean:g} ± {sd:g} {unit}", f"years = {unit} / {in_a_year:g}"
        return _mean_sd(mean / in_a_year, sd / in_a_year, reported, formula)

    return convert


def women_from_percent(given: Numbers) -> Converted:
    """Women = n × percent / 100, which must be close to a whole number."""
    percent, n = given["percent"], _people(given, least=1)
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent:g} is not between 0 and 100 per cent.")
    exact = n * percent / 100
    if abs(exact - round(exact)) > 0.3:
        raise ValueError(f"{percent:g}% of {n} people are {exact:.1f} women: check the percentage and n.")
    return Converted({"women": round(exact)}, f"{percent:g}% women, n = {n}", "women = n × percent / 100")


def women_from_ratio(given: Numbers) -> Converted:
    """Women = n × women's part / both parts, which must be a whole number."""
    men, women, n = given["men"], given["women"], _people(given, least=1)
    if men < 0 or women < 0 or men + women == 0:
        raise ValueError("A ratio has two parts, neither below 0.")
    exact = n * women / (men + women)
    if abs(exact - round(exact)) > 0.3:
        raise ValueError(f"{men:g}:{women:g} of {n} people are {exact:.1f} women: check the ratio and n.")
    return Converted(
        {"women": round(exact)}, f"men : women = {men:g} : {women:g}, n = {n}", "women = n × women / (men + women)"
    )


def read_numbers(conversion: Conversion, texts: Mapping[str, object]) -> dict[str, float]:
    """The numbers a conversion takes, as typed; ValueError names the one that is missing or cannot be read."""
    numbers = {}
    for key, label in conversion.inputs:
        try:
            numbers[key] = float(str(texts.get(key, "")).strip().replace(",", ".").replace("−", "-"))
        except ValueError:
            raise ValueError(f"{label}: type one number.") from None
        if not math.isfinite(numbers[key]):
            raise ValueError(f"{label}: type one number.")
    return numbers


def t_quantile(probability: float, df: int) -> float:
    """The t that `probability` (above 0.5) of Student's distribution with whole `df` lies below, by bisection.

    Examples
    --------
    >>> round(t_quantile(0.975, 24), 4)
    2.0639
    """
    low, high = 0.0, 1e6
    for _halving in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < 2 * probability - 1 else (low, middle)
    return (low + high) / 2


def _within(t: float, df: int) -> float:
    """P(|T| < t) for whole df: the finite series of Abramowitz and Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(df))
    cosine2 = math.cos(angle) ** 2
    odd = df % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for step in range((df - odd) // 2 if not odd else (df - 1) // 2):
        total += term
        term *= cosine2 * ((2 * step + 2) / (2 * step + 3) if odd else (2 * step + 1) / (2 * step + 2))
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def _mean_sd(mean: float, sd: float, reported: str, formula: str) -> Converted:
    return Converted({"mean": round(mean, 4), "sd": round(sd, 4)}, reported, formula)


def _people(given: Numbers, least: int = 2) -> int:
    n = given["n"]
    if n != int(n) or not least <= n < 1e6:
        raise ValueError(f"n must be a whole number of people, at least {least}.")
    return int(n)


def _positive(given: Numbers, key: str) -> float:
    if given[key] <= 0:
        raise ValueError(f"The {key.upper()} must be above 0.")
    return given[key]


def _ordered(given: Numbers, low: str, high: str) -> tuple[float, float]:
    if given[low] > given[high]:
        raise ValueError(f"{given[low]:g} comes after {given[high]:g}: {low} cannot be above {high}.")
    return given[low], given[high]


_N: Final = ("n", "n analysed")
_MEAN: Final = ("mean", "Mean")
CONVERSIONS: Final[dict[str, Conversion]] = {
    "se": Conversion("Mean and standard error", "mean_sd", (_MEAN, ("se", "Standard error"), _N), sd_from_se),
    "ci": Conversion(
        "Mean and 95% confidence interval",
        "mean_sd",
        (_MEAN, ("lower", "Lower limit"), ("upper", "Upper limit"), _N),
        sd_from_ci,
    ),
    "quartiles": Conversion(
        "Median and quartiles",
        "mean_sd",
        (("q1", "First quartile"), ("median", "Median"), ("q3", "Third quartile"), _N),
        mean_sd_from_quartiles,
    ),
    "range": Conversion(
        "Median and range",
        "mean_sd",
        (("least", "Least value"), ("median", "Median"), ("greatest", "Greatest value"), _N),
        mean_sd_from_range,
    ),
    **{
        unit: Conversion(
            f"In {unit}, years are asked",
            "years",
            (("mean", f"Mean, {unit}"), ("sd", f"SD, {unit}")),
            _from_parts_of_a_year(unit, count),
        )
        for unit, count in (("months", MONTHS_IN_A_YEAR), ("weeks", WEEKS_IN_A_YEAR), ("days", DAYS_IN_A_YEAR))
    },
    "percent": Conversion("Per cent women", "women", (("percent", "Women, %"), _N), women_from_percent),
    "ratio": Conversion("Men : women", "women", (("men", "Men"), ("women", "Women"), _N), women_from_ratio),
}
"""By key; `target` says for which answers: mean_sd, years (mean and SD in years), women."""
