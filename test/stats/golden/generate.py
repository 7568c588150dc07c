"""Writes the reference values beside this file: what SciPy and statsmodels say.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    /tmp/golden/bin/python test/stats/golden/generate.py

The bootstrap is checked in two halves: the resamples, by a second implementation of `tasks/Random.ts` and of the draws from
it; and the intervals, by giving SciPy those resamples' values instead of its own.
"""

import json
import math
import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import scipy
import scipy.stats as st
import statsmodels
from scipy.special import ndtr
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

HERE = Path(__file__).parent
VERSIONS = {"numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__}


def write(name: str, cases: object) -> None:
    text = json.dumps({"from": VERSIONS, "cases": cases}, indent=1, allow_nan=False)
    (HERE / f"{name}.json").write_text(text + "\n")


# --- proportions ---


def proportions() -> None:
    counts = [(0, 1), (1, 1), (0, 10), (7, 10), (10, 10), (1, 10), (81, 263), (3, 500), (250, 500), (497, 500)]
    counts += [(1, 100_000), (99_999, 100_000), (123_456, 1_000_000), (1, 1_000_000)]
    cases = []
    for k, n in counts:
        exact = proportion_confint(k, n, 0.05, "beta")
        score = proportion_confint(k, n, 0.05, "wilson")
        cases.append({"k": k, "n": n, "clopperPearson": list(map(float, exact)), "wilson": list(map(float, score))})
    write("proportions", cases)


def tails() -> None:
    cases = []
    for k, n, p in [
        (0, 1, 0.5), (1, 1, 0.5), (0, 10, 0.1), (5, 10, 0.5), (10, 10, 0.9), (3, 500, 0.02), (480, 500, 0.95),
        (0, 1000, 0.5), (300, 1000, 0.5), (500_700, 1_000_000, 0.5), (10, 1_000_000, 1e-5), (999_990, 1_000_000, 0.99999),
    ]:  # fmt: skip
        law = st.binom(n, p)
        cases.append({"k": k, "n": n, "p": p, "atMost": float(law.cdf(k)), "exactly": float(law.pmf(k)), "atLeast": float(law.sf(k - 1))})
    write("binomial", cases)


def normal() -> None:
    write("normal", [{"x": x, "p": float(ndtr(x))} for x in [-9, -8, -5.5, -3, -1.96, -0.1, 0, 1e-9, 0.5, 1, 1.959963984540054, 4, 7, 9]])


def paired_tests() -> None:
    cases = []
    for b, c in [(0, 0), (1, 0), (0, 6), (5, 5), (5, 4), (121, 59), (10, 25), (3, 900), (40_000, 40_500)]:
        exact = 1.0 if b + c == 0 else float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)
        law = st.binom(b + c, 0.5)
        mid = min(1.0, 2 * law.cdf(min(b, c)) - law.pmf(min(b, c)))
        cases.append({"b": b, "c": c, "exact": min(1.0, exact), "midP": float(mid)})
    write("mcnemar", cases)


# --- correlations ---


def correlations() -> None:
    rng = random.Random(5)
    anscombe_x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    anscombe_y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    normal_x = [rng.gauss(0, 1) for _ in range(60)]
    pairs = {
        "Anscombe I": (anscombe_x, anscombe_y),
        "Anscombe IV": ([8] * 7 + [19] + [8] * 3, [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89]),
        "two pairs": ([1, 2], [5, 3]),
        "0/1 against real": ([0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1], anscombe_y),
        "many ties": ([rng.randrange(4) for _ in range(50)], [rng.randrange(3) for _ in range(50)]),
        "normal": (normal_x, [0.6 * x + 0.8 * rng.gauss(0, 1) for x in normal_x]),
        "monotone, bent": ([1, 2, 3, 4, 5, 6], [math.exp(x) for x in range(6)]),
        "large offset": ([1e9 + x for x in anscombe_x], [y - 1e9 for y in anscombe_y]),
        "huge": ([x * 1e300 for x in normal_x], [y * 1e-300 for y in normal_x[::-1]]),
    }
    cases = []
    for name, (x, y) in pairs.items():
        # SciPy squares deviations: what overflows is put to it in other units, of which a correlation knows nothing.
        scale = (1e-300, 1e300) if name == "huge" else (1.0, 1.0)
        result = st.pearsonr(np.array(x) * scale[0], np.array(y) * scale[1])
        interval = result.confidence_interval(0.95) if len(x) > 3 and abs(result.statistic) < 1 else None
        cases.append({
            "name": name, "x": x, "y": y,
            "pearson": float(result.statistic),
            "fisherZ": None if interval is None else [float(interval.low), float(interval.high)],
            "spearman": float(st.spearmanr(x, y).statistic),
        })  # fmt: skip
    write("correlations", cases)


def tables() -> None:
    cases = []
    for both, first, second, neither in [(40, 10, 15, 35), (1, 0, 0, 1), (0, 3, 4, 0), (5, 5, 5, 5), (900, 3, 80, 17), (1, 50, 2, 4)]:
        x = [1] * both + [1] * first + [0] * second + [0] * neither
        y = [1] * both + [0] * first + [1] * second + [0] * neither
        # The ends by looking at every table with these margins.
        a, b, n = both + first, both + second, len(x)
        reachable = []
        for k in range(max(0, a + b - n), min(a, b) + 1):
            xs = [1] * a + [0] * (n - a)
            ys = [1] * k + [0] * (a - k) + [1] * (b - k) + [0] * (n - a - b + k)
            reachable.append(float(np.corrcoef(xs, ys)[0, 1]))
        cases.append({
            "table": {"both": both, "onlyFirst": first, "onlySecond": second, "neither": neither},
            "phi": float(st.pearsonr(x, y).statistic), "min": min(reachable), "max": max(reachable),
        })  # fmt: skip
    write("tables", cases)


def families() -> None:
    cases = []
    for p in [
        [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216],
        [0.5], [0.01, 0.01, 0.01], [1.0, 0.0, 0.3], [0.9, 0.8, 0.04, 0.01, 0.04],
    ]:  # fmt: skip
        cases.append({
            "p": p,
            "holm": [float(q) for q in multipletests(p, method="holm")[1]],
            "benjaminiHochberg": [float(q) for q in multipletests(p, method="fdr_bh")[1]],
        })  # fmt: skip
    write("families", cases)


# --- bootstrap ---

MASK = 0xFFFFFFFF


def hash32(text: str, basis: int = 0x811C9DC5) -> int:
    h = basis
    for character in text:
        h = ((h ^ ord(character)) * 0x01000193) & MASK
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


class Random:
    """sfc32, as in tasks/Random.ts."""

    def __init__(self, *parts: object) -> None:
        name = json.dumps(parts, separators=(",", ":"))
        self.a, self.b, self.c = hash32(name), hash32(name, 0x9E3779B9), hash32(name, 0x7F4A7C15)
        self.counter = 1
        for _ in range(15):
            self.bits()

    def bits(self) -> int:
        t = (self.a + self.b + self.counter) & MASK
        self.counter = (self.counter + 1) & MASK
        self.a = self.b ^ (self.b >> 9)
        self.b = (self.c + (self.c << 3)) & MASK
        self.c = ((((self.c << 21) & MASK) | (self.c >> 11)) + t) & MASK
        return t

    def below(self, count: int) -> int:
        whole = 2**31 - 2**31 % count
        while (bits := self.bits() >> 1) >= whole:
            pass
        return bits % count


def bootstraps() -> None:
    rng = random.Random(11)
    resamples, cases = 400, []
    for name, count, size in [("single items", 40, 1), ("clusters", 25, 8), ("skewed", 30, 1)]:
        x, y, clusters = [], [], []
        for cluster in range(count):
            level = rng.gauss(0, 1)
            for _ in range(size):
                first = math.exp(rng.gauss(0, 1)) if name == "skewed" else level + rng.gauss(0, 1)
                x.append(round(first, 6))
                y.append(round(0.5 * first + level + rng.gauss(0, 1), 6))
                clusters.append(cluster)
        columns = np.array([x, y])
        members = [[i for i, c in enumerate(clusters) if c == cluster] for cluster in range(count)]
        statistics = {
            "difference": lambda chosen: float(np.mean(columns[0][chosen] - columns[1][chosen])),
            "pearson": lambda chosen: float(np.corrcoef(columns[0][chosen], columns[1][chosen])[0, 1]),
        }
        for statistic, of in statistics.items():
            at = lambda drawn: of(np.concatenate([members[int(c)] for c in drawn]))  # noqa: E731
            draws = Random(3, "bootstrap")
            distribution = np.array([at([draws.below(count) for _ in range(count)]) for _ in range(resamples)])
            intervals = {}
            for method in ["percentile", "BCa"]:
                given = SimpleNamespace(bootstrap_distribution=distribution)
                data = (np.arange(count),)
                result = st.bootstrap(data, at, n_resamples=0, vectorized=False, method=method, bootstrap_result=given)
                intervals[method.lower()] = [float(result.confidence_interval.low), float(result.confidence_interval.high)]
            cases.append({
                "name": name, "statistic": statistic, "seed": 3, "resamples": resamples,
                "x": x, "y": y, "clusters": clusters, "estimate": at(range(count)), **intervals,
            })  # fmt: skip
    write("bootstraps", cases)


for part in [proportions, tails, normal, paired_tests, correlations, tables, families, bootstraps]:
    part()
