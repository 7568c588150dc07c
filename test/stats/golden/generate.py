"""Writes the reference values beside this file, computed by SciPy and statsmodels.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    /tmp/golden/bin/python test/stats/golden/generate.py

The bootstrap has two references: a second implementation of `stats/Random.ts` draws the resamples, and SciPy computes the
intervals from those resamples instead of its own.
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
from statsmodels.stats.power import TTestPower

HERE = Path(__file__).parent
VERSIONS = {"numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__}


def write(name: str, cases: object) -> None:
    text = json.dumps({"from": VERSIONS, "cases": cases}, indent=1, allow_nan=False)
    (HERE / f"{name}.json").write_text(text + "\n")


def normal() -> None:
    write("normal", [{"x": x, "p": float(ndtr(x))} for x in [-9, -8, -5.5, -3, -1.96, -0.1, 0, 1e-9, 0.5, 1, 1.959963984540054, 4, 7, 9]])


# --- power ---


def power() -> None:
    tests = TTestPower()
    write(
        "power",
        {
            "power": [
                {"size": size, "pairs": pairs, "power": float(tests.power(size, pairs, 0.05))}
                for size in [0.1, 0.35, 0.8, 1.5, 3]
                for pairs in [2, 3, 5, 8, 16, 134]
                if math.isfinite(tests.power(size, pairs, 0.05))
            ],
            "distribution": [
                {"t": t, "degrees": degrees, "shift": shift, "p": float(st.nct.cdf(t, degrees, shift))}
                for t in [-2.5, 0.3, 2.776, 12]
                for degrees in [1, 4, 15, 499]
                for shift in [0.2, 2.5, 6]
                if math.isfinite(st.nct.cdf(t, degrees, shift))
            ],
        },
    )


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
        cases.append({
            "name": name, "x": x, "y": y,
            "pearson": float(result.statistic),
            "spearman": float(st.spearmanr(x, y).statistic),
        })  # fmt: skip
    write("correlations", cases)


def tables() -> None:
    cases = []
    for both, first, second, neither in [(40, 10, 15, 35), (1, 0, 0, 1), (0, 3, 4, 0), (5, 5, 5, 5), (900, 3, 80, 17), (1, 50, 2, 4)]:
        # The range over every table with these margins.
        a, b, n = both + first, both + second, both + first + second + neither
        reachable = []
        for k in range(max(0, a + b - n), min(a, b) + 1):
            xs = [1] * a + [0] * (n - a)
            ys = [1] * k + [0] * (a - k) + [1] * (b - k) + [0] * (n - a - b + k)
            reachable.append(float(np.corrcoef(xs, ys)[0, 1]))
        cases.append({
            "table": {"both": both, "onlyFirst": first, "onlySecond": second, "neither": neither},
            "min": min(reachable), "max": max(reachable),
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
    """sfc32, as in stats/Random.ts."""

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
            "difference": lambda chosen, columns=columns: float(np.mean(columns[0][chosen] - columns[1][chosen])),
            "pearson": lambda chosen, columns=columns: float(np.corrcoef(columns[0][chosen], columns[1][chosen])[0, 1]),
        }
        for statistic, of in statistics.items():
            at = lambda drawn, of=of, members=members: of(np.concatenate([members[int(c)] for c in drawn]))  # noqa: E731
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


for part in [normal, power, correlations, tables, families, bootstraps]:
    part()
