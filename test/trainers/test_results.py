"""Every number of docs/results once more, from the single answers and rollouts that lie beside it, by other code.

For `NODE.json` with a table: counts, intervals, F1, reasons, the pooled rows and the contrasts, from `NODE.scores.jsonl.gz`. With
correlations: means, correlations in all readings, tables and rank correlations, from `NODE.rollouts.jsonl.gz`, and the bootstrap's
intervals as nearly as another generator's draws tell. `differences.json`: seed by seed, with intervals over seeds and instances, and Holm. In
`README.md`: the tables of accuracies, those that split `a` by whether the caption was right, those of errors, those of the first step above a level,
and those of differences along the training. Numbers in sentences are not read.
"""

import gzip
import json
import math
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from mpmath import betainc

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in (ROOT / "docs" / "results").iterdir() if path.is_dir())
SAMPLE = Path(__file__).parent / "results-page"  # a page of two tiny studies, for the negative controls
Z = 1.959963984540054
UNREADABLE = {"no-caption", "no-answer", "bad-json", "bad-caption", "bad-answer", "wrong-size"}
NO_REWARDS = {"total", "outcome", "perception", "consistent"}


def packed(file: Path) -> list[dict]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def label_key(labels: dict) -> str:
    return json.dumps(labels, sort_keys=True)


@lru_cache(maxsize=4)
def by_point(file: Path) -> dict[str, list[dict]]:
    """The examples or rollouts of each point, by its labels."""
    points: dict[str, list[dict]] = defaultdict(list)
    for line in packed(file):
        points[label_key(line["labels"])].append(line)
    return dict(points)


def near(value, expected, what, error=1e-9):
    if value is None or expected is None:
        assert value is expected, f"{what}: {value}, recomputed {expected}"
    else:
        assert math.isclose(value, expected, rel_tol=error, abs_tol=error), f"{what}: {value}, recomputed {expected}"


def check_page(page: Path) -> Counter:
    """Fails at the first number that does not follow; says how many were compared."""
    compared: Counter[str] = Counter()
    for file in sorted(page.glob("*.json")):
        numbers = json.loads(file.read_text(encoding="utf-8"))
        if "table" in numbers:
            check_table(page, file.stem, numbers["table"], compared)
        elif "correlations" in numbers:
            check_correlations(page, file.stem, numbers["correlations"], compared)
        else:
            assert file.name == "differences.json", f"nobody checks {file.name}"
            for name, differences in numbers.items():
                check_differences(page, name, differences, compared)
    check_accuracies(page, compared)
    check_decompositions(page, compared)
    check_error_tables(page, compared)
    check_orders(page, compared)
    check_rankings(page, compared)
    check_passes(page, compared)
    check_curve_differences(page, compared)
    return compared


# Tables


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The two roots p of (successes/n - p)² = z² p (1 - p) / n."""
    a, b, c = 1 + Z * Z / n, -(2 * successes + Z * Z) / n, (successes / n) ** 2
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def check_proportion(said: dict, successes: int, n: int, what: str):
    assert (said["successes"], said["n"]) == (successes, n), f"{what}: {said}, recomputed {successes} of {n}"
    near(said["value"], successes / n, what)
    for end, value in zip(("low", "high"), wilson(successes, n)):
        near(said[end], value, f"{what}, {end}", 1e-8)


def check_table(page: Path, node: str, table: dict, compared: Counter):
    points = by_point(page / f"{node}.scores.jsonl.gz")
    named, clustered = instances_of(page, node), table["interval"].startswith("clustered")
    rows = [label_key(row["labels"]) for row in table["rows"]]
    assert sorted(points) == sorted(rows), f"{node}: the points of the examples are not the rows"
    for kind in ("rows", "pooled"):
        for row in table[kind]:
            members = [each for each in table["rows"] if row["labels"].items() <= each["labels"].items()]
            assert row["points"] == len(members)
            what = f"{node} {kind} {row['labels']}"
            own = []
            for run, member in enumerate(members):
                lines = points[label_key(member["labels"])]
                assert len({line["id"] for line in lines}) == len(lines), f"{what}: an example twice"
                own += [{**line, "run": run, "instance": named.get(line["id"], line["id"])} for line in lines]
            for metric, answers in shares_of(own, clustered).items():
                where = metric.split("_if")[0]
                assert {example[where] for example in answers} <= {0, 1}
                check_share(row[metric], [(example[where], example["run"], example["instance"]) for example in answers], clustered, f"{what} {metric}")
                compared["proportions"] += 1
            near(row["perception_f1"], float(np.mean([example["f1"] for example in own])), f"{what} F1")
            reasons = Counter(example["reason"] for example in own if example["reason"] is not None)
            assert row["reasons"] == reasons, f"{what}: {row['reasons']}, recomputed {reasons}"
            if row.get("errors"):
                check_errors(row["errors"], own, f"{what} errors")
                compared["errors"] += 1
    check_contrasts(table, points, named, compared)


def shares_of(examples: list[dict], with_parts: bool) -> dict[str, list[dict]]:
    """The examples that each share of a row is of."""
    shares = {metric: examples for metric in ("a", "a_p", "a_r")}
    parts = {"a_if_right": 1, "a_if_wrong": 0} if with_parts else {}
    return shares | {name: [example for example in examples if example["a_p"] == right] for name, right in parts.items()}


def check_share(said: dict | None, answers: list[tuple], clustered: bool, what: str):
    if not answers:
        assert said is None, what
        return
    assert said is not None, what
    values, runs, instances = map(np.array, zip(*answers))
    if not clustered:
        check_proportion(said, int(values.sum()), len(values), what)
        return
    assert (said["successes"], said["n"]) == (values.sum(), len(values)), what
    found = Clustered(values.astype(float), runs, instances)
    assert said["instances"] == found.instances, what
    for end, value in zip(("value", "low", "high"), (found.mean, *found.proportion())):
        near(said[end], value, f"{what}, {end}", 1e-7)
    means = [values[runs == run].mean() for run in sorted(set(runs))]
    near(said["sd"], float(np.std(means, ddof=1)) if len(means) > 1 else None, f"{what}, sd")


def check_errors(said: dict, examples: list[dict], what: str):
    """From lines that do not say how captions differ, the greatest counts of captions with an error."""
    wrong = {"harmless": [each for each in examples if each["a"] and not each["a_p"]], "fatal": [each for each in examples if not each["a"] and not each["a_p"]]}
    for kind in ("extra", "missing", "wrong"):
        for end, captions in wrong.items():
            if all("errors" in each for each in examples):
                assert said[kind][end] == sum((each["errors"] or {}).get(kind, 0) > 0 for each in captions), f"{what}, {kind}, {end}"
            assert said[kind][end] <= len(captions), f"{what}, {kind}, {end}"
    counted = {
        "reasoning": sum(each["a_p"] and not each["a"] for each in examples),
        "truncated": sum(each["reason"] == "truncated" for each in examples),
        "unreadable": sum(each["reason"] in UNREADABLE for each in examples),
    }
    assert {name: said[name] for name in counted} == counted, what


def check_contrasts(table: dict, points: dict, named: dict, compared: Counter):
    """Each arm minus its baseline, paired by the other labels and by example; Holm over the primary ones."""
    contrasts = table.get("contrasts", [])
    for each in contrasts:
        what = f"{each['metric']} of {each['arm']} minus {each['baseline']}"
        answers = []
        rows = [row["labels"] for row in table["rows"] if row["labels"][each["axis"]] == each["arm"] and each["labels"].items() <= row["labels"].items()]
        for run, labels in enumerate(rows):
            theirs = {line["id"]: line[each["metric"]] for line in points[label_key(labels | {each["axis"]: each["baseline"]})]}
            own = points[label_key(labels)]
            answers += [(line[each["metric"]] - theirs[line["id"]], run, named.get(line["id"], line["id"])) for line in own]
        found = Clustered(*map(np.array, zip(*answers)))
        assert (each["n"], each["runs"], each["instances"]) == (found.n, found.runs, found.instances), what
        for end, value in zip(("value", "low", "high"), (found.mean, found.mean - found.half, found.mean + found.half)):
            near(each[end], value, f"{what}, {end}", 1e-7)
        near(found.quantile(each["p"]), abs(found.mean) / found.error, f"{what}, p", 1e-6)
        compared["contrasts"] += 1
    primary = [each for each in contrasts if each["primary"]]
    for each, p in zip(primary, holm([each["p"] for each in primary])):
        near(each["p_holm"], p, f"Holm of {each['arm']}")


# Correlations


def pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < 2 or np.ptp(x) < 1e-9 or np.ptp(y) < 1e-9:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def centred(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    sizes = np.bincount(groups)
    return values - (np.bincount(groups, values) / np.maximum(sizes, 1))[groups]


class Rollouts:
    """The rollouts of a checkpoint, each as often as it was sampled, end-to-end ones as columns."""

    def __init__(self, lines: list[dict]):
        lines = [line for line in lines for _ in range(line["times"])]
        self.steps = [line["step"] for line in lines]
        self.ids = sorted({line["id"] for line in lines})
        self.own = [line for line in lines if line["mode"] == "end-to-end"]
        self.forced = [line for line in lines if line["mode"] == "counterfactual"]
        place = {name: index for index, name in enumerate(self.ids)}
        self.prompt = np.array([place[line["id"]] for line in self.own])
        keys = [(line["step"], line["group"]) for line in self.own]
        groups = {key: index for index, key in enumerate(sorted(set(keys)))}
        self.group = np.array([groups[key] for key in keys])
        self.groups = len(groups)
        self.perception = np.array([float(line["perception"]) for line in self.own])
        self.reasoning = np.array([float(line["consistent"]) for line in self.own])
        others = {name for line in self.own for name in line["rewards"]} - NO_REWARDS
        self.rewards = ["outcome", *sorted(others)]
        self.values: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.right = defaultdict(list)
        for line in self.forced:
            self.right[line["id"]].append(line["outcome"])

    def reward(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Its values, and the places of the rollouts that have it."""
        if name not in self.values:
            self.values[name] = self._reward(name)
        return self.values[name]

    def _reward(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        values = [line["outcome"] if name == "outcome" else line["rewards"].get(name) for line in self.own]
        has = np.array([place for place, value in enumerate(values) if value is not None], dtype=int)
        return np.array([float(values[place]) for place in has]), has

    def by_prompt(self, values: np.ndarray, prompts: np.ndarray) -> dict[str, float]:
        counts, sums = np.bincount(prompts), np.bincount(prompts, values)
        return {self.ids[prompt]: float(sums[prompt] / counts[prompt]) for prompt in np.flatnonzero(counts)}

    def correlation(self, name: str, target: str, reading: str) -> float | None:
        x, has = self.reward(name)
        if target == "counterfactual":
            if reading != "prompt_means":
                return None
            means = self.by_prompt(x, self.prompt[has])
            both = [id for id in means if id in self.right]
            return pearson(np.array([means[id] for id in both]), np.array([np.mean(self.right[id]) for id in both]))
        y = getattr(self, target)[has]
        if reading == "pooled":
            return pearson(x, y)
        if reading == "group_centred":
            return pearson(centred(x, self.group[has]), centred(y, self.group[has]))
        one, other = (self.by_prompt(values, self.prompt[has]) for values in (x, y))
        return pearson(np.array(list(one.values())), np.array(list(other.values())))


def check_correlations(page: Path, node: str, said: dict, compared: Counter):
    points = by_point(page / f"{node}.rollouts.jsonl.gz")
    checkpoints = []
    assert len(points) == len(said["points"]), f"{node}: the points of the rollouts are not those of the correlations"
    for point in said["points"]:
        rollouts = Rollouts(points[label_key(point["labels"])])
        checkpoints.append(rollouts)
        check_point(rollouts, point, f"{node} {point['labels']}", compared)
    for across in said["across"]:
        check_across(checkpoints, across, f"{node} across {across['reward']} {across['target']}")
        compared["rank correlations"] += 1


def check_point(rollouts: Rollouts, point: dict, what: str, compared: Counter):
    assert point["rollouts"] == {"end_to_end": len(rollouts.own), "counterfactual": len(rollouts.forced)}, what
    assert (point["prompts"], point["groups"]) == (len(rollouts.ids), rollouts.groups), what
    assert point["steps"] == {"first": min(rollouts.steps), "last": max(rollouts.steps)}, what
    near(point["means"]["perception"]["value"], mean(rollouts.perception), f"{what} perception")
    near(point["means"]["reasoning"]["value"], mean(rollouts.reasoning), f"{what} reasoning")
    near(point["means"]["counterfactual"]["value"], mean([line["outcome"] for line in rollouts.forced]), f"{what} a_r")
    assert set(point["means"]["rewards"]) == set(rollouts.rewards), what
    for name, estimate in point["means"]["rewards"].items():
        near(estimate["value"], mean(rollouts.reward(name)[0]), f"{what} mean of {name}")
    assert len(point["associations"]) == 3 * len(rollouts.rewards), what
    for association in point["associations"]:
        name, target = association["reward"], association["target"]
        where = f"{what} {name} with {target}"
        for reading in ("pooled", "group_centred", "prompt_means"):
            estimate = association[reading]
            near(estimate["value"], rollouts.correlation(name, target, reading), f"{where}, {reading}", 1e-7)
            assert (estimate["value"] is not None) or estimate["reason"], where
            compared["correlations"] += 1
            if target != "counterfactual" and reading != "prompt_means" and estimate["low"] is not None:
                compared["intervals"] += check_interval(rollouts, name, target, reading, estimate, where)
        x, has = rollouts.reward(name)
        assert association["rollouts"] == len(x), where
        if target != "counterfactual":
            assert association["prompts"] == len(set(rollouts.prompt[has])), where
            check_contingency(association["table"], x, getattr(rollouts, target)[has], where)
    for contrast in point["contrasts"]:
        for reading in ("pooled", "group_centred", "prompt_means"):
            reasoning, perception = (rollouts.correlation(contrast["reward"], target, reading) for target in ("reasoning", "perception"))
            expected = None if reasoning is None or perception is None else reasoning - perception
            near(contrast[reading]["value"], expected, f"{what} contrast of {contrast['reward']}, {reading}", 1e-7)
        if "counterfactual" in contrast:
            compared["counterfactual contrasts"] += check_counterfactual(rollouts, contrast, f"{what} counterfactual contrast of {contrast['reward']}")


def check_counterfactual(rollouts: Rollouts, contrast: dict, where: str) -> int:
    """Compares the correlation of prompt means with answers from the true caption, minus that with right captions."""
    said, name = contrast["counterfactual"], contrast["reward"]
    caused, told = (rollouts.correlation(name, target, "prompt_means") for target in ("counterfactual", "perception"))
    near(said["value"], None if caused is None or told is None else caused - told, where, 1e-7)
    x, has = rollouts.reward(name)
    means = rollouts.by_prompt(x, rollouts.prompt[has])
    if said["low"] is None or len(means) < FEWEST_CLUSTERS:
        return 0
    seen = rollouts.by_prompt(rollouts.perception[has], rollouts.prompt[has])
    x, has_forced = np.array(list(means.values())), np.array([id in rollouts.right for id in means])
    forced = np.array([np.mean(rollouts.right.get(id, [0])) for id in means])
    pairs = [(forced, has_forced), (np.array([seen[id] for id in means]), np.ones_like(x))]
    sums = np.stack([counts * column for y, counts in pairs for column in (np.ones_like(x), x, y, x * x, y * y, x * y)], axis=1)
    check_ends(said, resampled(sums, lambda totals: correlation_of_totals(totals[:, :6]) - correlation_of_totals(totals[:, 6:])), where)
    return 1


def mean(values) -> float | None:
    return float(np.mean(values)) if len(values) else None


def check_contingency(table: dict | None, x: np.ndarray, y: np.ndarray, where: str):
    if not set(x) <= {0.0, 1.0}:
        assert table is None, where
        return
    assert table is not None, where
    counts = Counter(zip(x.astype(int), y.astype(int)))
    said = [table[name] for name in ("both", "only_reward", "only_target", "neither")]
    assert said == [counts[pair] for pair in ((1, 1), (1, 0), (0, 1), (0, 0))], where
    # The ends of phi are those of the two most unequal pairings of what there is.
    if np.ptp(x) and np.ptp(y):
        near(table["phi_max"], pearson(np.sort(x), np.sort(y)), f"{where} phi_max", 1e-7)
        near(table["phi_min"], pearson(np.sort(x), np.sort(y)[::-1]), f"{where} phi_min", 1e-7)


def ranks(values: list[float]) -> np.ndarray:
    all_values = np.array(values)
    return np.array([(all_values < value).sum() + ((all_values == value).sum() + 1) / 2 for value in all_values])


def check_across(checkpoints: list[Rollouts], across: dict, where: str):
    pairs = []
    for rollouts in checkpoints:
        if across["reward"] not in rollouts.rewards:
            continue
        target = across["target"]
        held = [line["outcome"] for line in rollouts.forced] if target == "counterfactual" else getattr(rollouts, target)
        pairs.append((mean(rollouts.reward(across["reward"])[0]), mean(held)))
    check_ranks(pairs, across, where)


def check_ranks(means: list[tuple], across: dict, where: str):
    pairs = [pair for pair in means if None not in pair]
    assert across["checkpoints"] == len(pairs), where
    expected = pearson(ranks([x for x, _ in pairs]), ranks([y for _, y in pairs])) if len(pairs) > 2 else None
    near(across["spearman"]["value"], expected, where, 1e-7)


# Intervals: as near as two bootstraps with other draws come


RESAMPLES = 4000
FEWEST_CLUSTERS = 50
APART = 0.2  # of the width


def bca(estimate: float, replicates: np.ndarray, jackknife: np.ndarray) -> tuple[float, float]:
    share = ((replicates < estimate).sum() + (replicates <= estimate).sum()) / (2 * len(replicates))
    bias = quantile_of_normal(share)
    deviation = jackknife.mean() - jackknife
    acceleration = (deviation**3).sum() / (6 * (deviation**2).sum() ** 1.5) if deviation.any() else 0.0
    shifts = [bias - Z, bias + Z]
    levels = [0.5 * math.erfc(-(bias + shift / (1 - acceleration * shift)) / math.sqrt(2)) for shift in shifts]
    low, high = np.quantile(replicates, levels)
    return float(low), float(high)


def quantile_of_normal(share: float) -> float:
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if 0.5 * math.erfc(-middle / math.sqrt(2)) < share else (low, middle)
    return low


@cache
def draws(clusters: int) -> np.ndarray:
    """How often each cluster is in each resample."""
    generator = np.random.default_rng(5)
    return generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=RESAMPLES).astype(float)


def resampled(sums: np.ndarray, statistic) -> tuple[float, float]:
    """`sums`: a row a cluster; `statistic` of totals of rows, one a line."""
    replicates = statistic(draws(len(sums)) @ sums)
    jackknife = statistic(sums.sum(0) - sums)
    estimate = float(statistic(sums.sum(0)[None])[0])
    return bca(estimate, replicates[np.isfinite(replicates)], jackknife[np.isfinite(jackknife)])


def check_ends(said: dict, expected: tuple[float, float], where: str):
    room = APART * (expected[1] - expected[0])
    for end, value in zip(("low", "high"), expected):
        assert abs(said[end] - value) <= room, f"{where}, {end}: {said[end]}, recomputed {value}"


def correlation_of_totals(totals: np.ndarray) -> np.ndarray:
    n, x, y, xx, yy, xy = totals.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return (xy - x * y / n) / np.sqrt((xx - x * x / n) * (yy - y * y / n))


def check_interval(rollouts: Rollouts, name: str, target: str, reading: str, said: dict, where: str) -> int:
    # A correlation near its end has resamples on one side of it: too delicate for other draws.
    if len(rollouts.ids) < FEWEST_CLUSTERS or abs(said["value"]) > 0.95:
        return 0
    x, has = rollouts.reward(name)
    y = getattr(rollouts, target)[has]
    if reading == "group_centred":
        x, y = centred(x, rollouts.group[has]), centred(y, rollouts.group[has])
    columns = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y])
    sums = np.stack([np.bincount(rollouts.prompt[has], column, len(rollouts.ids)) for column in columns], axis=1)
    check_ends(said, resampled(sums, correlation_of_totals), f"{where}, {reading}")
    return 1


# Differences


@lru_cache(maxsize=4)
def instances_of(folder: Path, node: str) -> dict[str, str]:
    file = folder / f"{node}.instances.jsonl.gz"
    return {line["id"]: line["instance"] for line in packed(file)} if file.exists() else {}


def arms_of(page: Path, study: dict, name: str) -> dict[str, dict[str, tuple[dict, list]]]:
    """Arm → seed → its row and its examples."""
    described = study["arms"][name]
    seed = study.get("seed", "seed")
    arms: dict[str, dict[str, tuple[dict, list]]] = defaultdict(dict)
    # Own points first; a page beside this one adds seeds to the arms that there are.
    pages = [page, *(page.parent / other for other in described.get("pages", []))]
    sources = [(folder, described.get("of", "table"), described.get("where", {}), None) for folder in pages]
    sources += [(page, other["of"], other.get("where", {}), other["label"]) for other in described.get("also", [])]
    for folder, node, where, label in sources:
        table = json.loads((folder / f"{node}.json").read_text(encoding="utf-8"))["table"]
        points = by_point(folder / f"{node}.scores.jsonl.gz")
        for row in table["rows"]:
            if folder != page and row["labels"][described["axis"]] not in arms:
                continue
            if where.items() <= row["labels"].items():
                named = instances_of(folder, node)
                own = [{**line, "instance": named.get(line["id"], line["id"])} for line in points[label_key(row["labels"])]]
                arms[label or row["labels"][described["axis"]]][row["labels"].get(seed, "")] = row, own
    return arms


def tails(t: float, degrees: int) -> float:
    return float(betainc(degrees / 2, 0.5, 0, degrees / (degrees + t * t), regularized=True))


def holm(values: list[float]) -> list[float]:
    """The least level at which the step-down procedure rejects."""
    adjusted = [0.0] * len(values)
    for index, value in enumerate(values):
        smaller = [j for j in range(len(values)) if (values[j], j) <= (value, index)]
        steps = [(len(values) - sum((values[k], k) < (values[j], j) for k in range(len(values)))) * values[j] for j in smaller]
        adjusted[index] = min(1.0, max(steps))
    return adjusted


def check_differences(page: Path, name: str, said: dict, compared: Counter):
    study = yaml.safe_load((page / "study.yaml").read_text(encoding="utf-8"))
    described = study["differences"][name]
    arms = arms_of(page, study, described["arms"])
    base = arms[described["baseline"]]
    metrics = described.get("metrics", ["a", "a_p", "a_r"])
    left_out = {described["baseline"], *described.get("except", [])}
    expected = [(arm, metric) for metric in metrics for arm in arms if arm not in left_out]
    assert sorted(expected) == sorted((each["arm"], each["metric"]) for each in said["differences"]), name
    for each in said["differences"]:
        arm, metric = arms[each["arm"]], each["metric"]
        where = f"{name}: {metric} of {each['arm']}"
        seeds = [seed for seed in arm if seed in base]
        values = [arm[seed][0][metric]["value"] - base[seed][0][metric]["value"] for seed in seeds]
        assert [pair["seed"] for pair in each["seeds"]] == seeds, where
        for pair, value in zip(each["seeds"], values):
            near(pair["value"], value, where)
        near(each["mean"], float(np.mean(values)), where)
        near(each["sd"], float(np.std(values, ddof=1)) if len(values) > 1 else None, f"{where}, sd")
        answers = []
        for run, seed in enumerate(seeds):
            theirs = {example["id"]: example[metric] for example in base[seed][1]}
            answers += [(example[metric] - theirs[example["id"]], run, example["instance"]) for example in arm[seed][1]]
        found = Clustered(*map(np.array, zip(*answers)))
        assert each["instances"] == found.instances, where
        near(each["low"], found.mean - found.half, f"{where}, low", 1e-7)
        near(each["high"], found.mean + found.half, f"{where}, high", 1e-7)
        # The level at which the interval would end at 0.
        near(found.quantile(each["p"]), abs(found.mean) / found.error, f"{where}, p", 1e-6)
        assert ("margin" in each) == ("margin" in described), where
        if "margin" in each:
            check_margin(each["margin"], described["margin"], found, where)
            compared["margins"] += 1
        compared["differences"] += 1
    with_p = [each for each in said["differences"] if each["p"] is not None]
    assert said["compared"] == len(with_p)
    for each, p in zip(with_p, holm([each["p"] for each in with_p])):
        near(each["p_holm"], p, f"{name}: Holm of {each['arm']}")


def check_margin(said: dict, margin: float, found: "Clustered", where: str):
    """One-sided: that the arm is worse by the margin, and the larger of that and of its being better by it."""
    assert said["value"] == margin, where
    one_sided = []
    for distance in (found.mean + margin, margin - found.mean):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if found.quantile(middle) > abs(distance) / found.error else (low, middle)
        one_sided.append(low / 2 if distance > 0 else 1 - low / 2)
    near(said["not_worse"], one_sided[0], f"{where}, not worse", 1e-6)
    near(said["equivalent"], max(one_sided), f"{where}, equivalent", 1e-6)


# Intervals over seeds and instances


class Clustered:
    """The mean of values, with a standard error from the sums of runs, of instances, and of both at once."""

    def __init__(self, values: np.ndarray, runs: np.ndarray, instances: np.ndarray):
        self.n, self.mean = len(values), float(values.mean())
        self.runs, self.instances = len(set(runs)), len(set(instances))
        deviations = values - self.mean
        both = [f"{run} {instance}" for run, instance in zip(runs, instances)]
        by_run, by_instance, by_both = (self._variance(deviations, names) for names in (runs, instances, both))
        variance = max(by_run + by_instance - by_both, by_run, by_instance) if self.runs > 1 else by_instance
        self.error, self.run_share = math.sqrt(variance), by_run / variance if variance else 0.0

    def _variance(self, deviations: np.ndarray, names) -> float:
        places = np.unique(names, return_inverse=True)[1]
        sums = np.bincount(places, deviations)
        return 0.0 if len(sums) < 2 else float(len(sums) / (len(sums) - 1) * (sums**2).sum() / self.n**2)

    def quantile(self, outside: float) -> float:
        """Student's quantiles of runs and instances, weighted by their parts of the variance."""
        parts = [(self.run_share, self.runs), (1 - self.run_share, self.instances)]
        return sum(share * student_quantile(outside, clusters - 1) for share, clusters in parts if share > 0 and clusters > 1)

    @property
    def half(self) -> float:
        return self.quantile(0.05) * self.error

    def proportion(self) -> tuple[float, float]:
        """Wilson's interval for so many independent answers as have this standard error."""
        share = self.mean
        if self.runs == 1 and self.instances == self.n:
            n, z = float(self.n), Z
        elif self.error == 0:
            n, z = self.instances, Z
        else:
            n, z = min(self.n, share * (1 - share) / self.error**2), self.quantile(0.05)
        a, b, c = 1 + z * z / n, -(2 * share + z * z / n), share**2
        root = math.sqrt(max(0.0, b * b - 4 * a * c))
        return (-b - root) / (2 * a), (-b + root) / (2 * a)


@cache
def student_quantile(outside: float, degrees: int) -> float:
    low, high = 0.0, 2.0
    while tails(high, degrees) > outside:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tails(middle, degrees) > outside else (low, middle)
    return (low + high) / 2


def table_rows(page: Path, name: str) -> dict[str, list[str]]:
    """The rows of a table in the page's text, by their first cell."""
    return {cells[0]: cells[1:] for cells in all_rows(page, name)}


def all_rows(page: Path, name: str) -> list[list[str]]:
    text = (page / "README.md").read_text(encoding="utf-8")
    block = text.split(f"<!-- table: {name} -->")[1].split("<!-- end -->")[0]
    lines = [line for line in block.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def tables_shown(page: Path, show: str) -> Iterator[tuple[dict, str, dict]]:
    """The study, and the name and description of each of its tables of one kind."""
    study = yaml.safe_load((page / "study.yaml").read_text(encoding="utf-8"))
    for name, described in study.get("tables", {}).items():
        if described["show"] == show:
            yield study, name, described


def check_accuracies(page: Path, compared: Counter):
    """The tables in the page's text with the accuracies of each arm, pooled over its seeds."""
    for study, name, described in tables_shown(page, "accuracies"):
        said, arms = table_rows(page, name), arms_of(page, study, described["arms"])
        assert sorted(said) == sorted(arms), f"{name}: arms"
        for arm, seeds in arms.items():
            for metric, cell in zip(("a", "a_p", "a_r"), said[arm]):
                answers = [(float(line[metric]), run, line["instance"]) for run, (_, lines) in enumerate(seeds.values()) for line in lines]
                found = Clustered(*map(np.array, zip(*answers)))
                for number, value in zip(re.findall(r"\d\.\d+", cell), (found.mean, *found.proportion()), strict=True):
                    assert abs(float(number) - value) <= 0.0005 + 1e-9, f"{name}, {metric} of {arm}: {cell}, recomputed {value}"
                compared["accuracies"] += 1


# Decompositions


def check_decompositions(page: Path, compared: Counter):
    """The tables in the page's text that split a by whether the caption was right."""
    for study, name, described in tables_shown(page, "decomposition"):
        said = table_rows(page, name)
        arms = arms_of(page, study, described["arms"])
        assert sorted(said) == sorted(arms), f"{name}: arms"
        for arm, seeds in arms.items():
            answers = np.array([(each["a"], each["a_p"]) for _, examples in seeds.values() for each in examples])
            right = answers[:, 1] == 1
            given = [answers[those, 0] for those in (right, ~right)]
            means = [answers[:, 0].mean(), right.mean(), *(each.mean() if len(each) else None for each in given)]
            assert abs(means[0] - sum(share * mean for share, mean in zip((means[1], 1 - means[1]), means[2:]) if mean is not None)) < 1e-12
            for cell, mean in zip(said[arm], means):
                if mean is None:
                    assert cell == "–", f"{name}, {arm}: {cell}"
                    continue
                assert abs(float(cell) - mean) <= 0.0005 + 1e-9, f"{name}, {arm}: {cell}, recomputed {mean}"
            counts = [int(cell.replace(",", "")) for cell in said[arm][4:]]
            assert counts == [right.sum(), (~right).sum()], f"{name}, {arm}: {counts}"
            compared["decompositions"] += 1


def check_error_tables(page: Path, compared: Counter):
    """The tables in the page's text that count errors, from the rows, which are recomputed above."""
    for study, name, described in tables_shown(page, "errors"):
        said, arms = table_rows(page, name), arms_of(page, study, described["arms"])
        assert sorted(said) == sorted(arms), f"{name}: arms"
        for arm, seeds in arms.items():
            rows = [row["errors"] for row, _ in seeds.values()]
            pairs = [sum(row[kind][end] for row in rows) for kind in ("extra", "missing", "wrong") for end in ("harmless", "fatal")]
            expected = [*pairs, *(sum(row[kind] for row in rows) for kind in ("reasoning", "truncated", "unreadable"))]
            expected.append(sum(len(examples) for _, examples in seeds.values()))
            assert [int(number.replace(",", "")) for number in re.findall(r"[\d,]+", " ".join(said[arm]))] == expected, f"{name}, {arm}"
            compared["error tables"] += 1


def check_orders(page: Path, compared: Counter):
    """The tables in the page's text that count where the outcome correlates more with reasoning than with perception."""
    readings = [("reasoning", "pooled"), ("reasoning", "group_centred"), ("reasoning", "prompt_means"), ("counterfactual", "prompt_means")]
    for _, name, described in tables_shown(page, "order"):
        # Their values and intervals are recomputed above.
        points = json.loads((page / f"{described.get('of', 'correlations')}.json").read_text(encoding="utf-8"))["correlations"]["points"]
        points = [point for point in points if described.get("where", {}).items() <= point["labels"].items()]
        of = [{each["target"]: each for each in point["associations"] if each["reward"] == "outcome"} for point in points]
        contrasts = [next(each for each in point["contrasts"] if each["reward"] == "outcome") for point in points]
        for (target, reading), cells in zip(readings, table_rows(page, name).values(), strict=True):
            both = [[each[target][reading]["value"], each["perception"][reading]["value"]] for each in of]
            pairs = np.array([pair for pair in both if None not in pair])
            said = [each.get(reading if target == "reasoning" else "counterfactual") for each in contrasts]
            ends = [(each["low"], each["high"]) for each in said if each and each["low"] is not None]
            apart = [str(sum(low > 0 for low, _ in ends)), str(sum(high < 0 for _, high in ends))] if any(said) else ["–", "–"]
            assert cells[:3] == [f"{(pairs[:, 0] > pairs[:, 1]).sum()} of {len(pairs)}", *apart], f"{name}, {target} {reading}"
            for cell, value in zip(cells[3:], pairs.mean(0), strict=True):
                assert abs(float(cell.replace("−", "-")) - value) <= 0.005 + 1e-9, f"{name}, {target} {reading}: {cell}, recomputed {value}"
            compared["orders"] += 1


def check_rankings(page: Path, compared: Counter):
    """The tables in the page's text that lay a surrogate's gain beside its correlation with perception, of which values are recomputed above."""
    for study, name, described in tables_shown(page, "surrogates"):
        points = json.loads((page / f"{described['of']}.json").read_text(encoding="utf-8"))["correlations"]["points"]
        gains = json.loads((page / "differences.json").read_text(encoding="utf-8"))[described["differences"]]["differences"]
        said = table_rows(page, name)
        assert list(said) == list(described["rewards"]), name
        axis = study["arms"][study["differences"][described["differences"]]["arms"]]["axis"]
        for arm, reward in described["rewards"].items():
            where = f"{name}: {arm}"
            for reading, cell in zip(("pooled", "group_centred"), said[arm][1:3]):
                own = [point for point in points if point["labels"].get(axis, arm) == arm]
                of = [each for point in own for each in point["associations"] if (each["reward"], each["target"]) == (reward, "perception")]
                found = [1.0] if reward == "perception" else [each[reading]["value"] for each in of]
                if None in found:
                    assert cell == "–", f"{where}, {reading}: {cell}"
                    continue
                values = np.array(found)
                expected = [values.mean()]
                if len(values) > 1:
                    z = np.arctanh(values)
                    half = student_quantile(0.05, len(z) - 1) * z.std(ddof=1) / math.sqrt(len(z))
                    expected += [math.tanh(z.mean() - half), math.tanh(z.mean() + half)]
                numbers = [float(number.replace("−", "-")) for number in re.findall(r"−?\d\.\d+", cell)]
                assert np.allclose(numbers, expected, atol=0.005 + 1e-9, rtol=0), f"{where}, {reading}: {cell}, recomputed {expected}"
                compared["correlations of surrogates"] += 1
            gain = next(each for each in gains if (each["arm"], each["metric"]) == (arm, described.get("gain", "a_p")))
            numbers = [float(number.replace("−", "-")) for number in re.findall(r"[+−]\d\.\d+", said[arm][3])]
            assert np.allclose(numbers, [gain["mean"], gain["low"], gain["high"]], atol=0.0005 + 1e-9, rtol=0), f"{where}: {said[arm][3]}"


def check_passes(page: Path, compared: Counter):
    """The tables in the page's text with the first step of each training at which a value is above a level."""
    for study, name, described in tables_shown(page, "passes"):
        curves, where = packed(page / f"{described.get('of', 'model')}.curves.jsonl.gz"), described.get("where", {})
        arms: dict[str, dict[str, dict[int, dict]]] = defaultdict(lambda: defaultdict(dict))
        for line in curves:
            if where.items() <= line["labels"].items():
                arms[line["labels"][described["axis"]]][line["labels"][study.get("seed", "seed")]][line["step"]] = line["values"]
        expected = []
        for level in described["levels"]:
            for seeds in arms.values():
                firsts = [
                    [min((step for step, values in steps.items() if values.get(metric, level) > level), default=math.inf) for metric in described["values"]]
                    for steps in seeds.values()
                ]
                names = list(described["values"].values())
                leading = [" and ".join(each for each, step in zip(names, of) if step == min(of) < math.inf) or "–" for of in firsts]
                expected.append([*(" ".join("–" if step == math.inf else str(step) for step in steps) for steps in zip(*firsts)), ", ".join(leading)])
        assert [cells[2:] for cells in all_rows(page, name)] == expected, name
        compared["passes"] += len(expected)


def check_curve_differences(page: Path, compared: Counter):
    """The tables in the page's text with trainings' values minus those of one arm, as means over steps, seed by seed."""
    for study, name, described in tables_shown(page, "curve-differences"):
        axis, by_seed, where = described["axis"], study.get("seed", "seed"), described.get("where", {})
        # (arm, value, window) → seed → values
        over: dict[tuple[str, str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        arms: dict[str, None] = {}
        for line in packed(page / f"{described.get('of', 'model')}.curves.jsonl.gz"):
            if not where.items() <= line["labels"].items():
                continue
            arms[line["labels"][axis]] = None
            for place, (first, last) in enumerate(described["steps"]):
                for value in described["values"]:
                    if first <= line["step"] <= last and value in line["values"]:
                        over[line["labels"][axis], value, place][line["labels"][by_seed]].append(line["values"][value])
        rows = iter(all_rows(page, name))
        for value in described["values"]:
            for arm in arms:
                if arm == described["baseline"]:
                    continue
                cells = next(rows)
                assert arm in cells[0], f"{name}: {cells[0]} stands where {arm} belongs"
                for place, cell in enumerate(cells[2:]):
                    theirs = over[described["baseline"], value, place]
                    pairs = np.array([np.mean(own) - np.mean(theirs[seed]) for seed, own in over[arm, value, place].items() if seed in theirs])
                    half = student_quantile(0.05, len(pairs) - 1) * pairs.std(ddof=1) / math.sqrt(len(pairs))
                    numbers = [float(number.replace("−", "-")) for number in re.findall(r"[+−]\d\.\d+", cell)]
                    expected = [pairs.mean(), pairs.mean() - half, pairs.mean() + half]
                    assert len(numbers) == 3 and np.allclose(numbers, expected, atol=0.0005 + 1e-9, rtol=0), f"{name}: {value} of {arm}: {cell}, recomputed {expected}"
                    compared["differences of curves"] += 1
        assert next(rows, None) is None, f"{name}: rows"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_number_of_a_page_follows_from_what_lies_beside_it(page):
    compared = check_page(page)
    print(page.name, dict(compared))
    assert compared.total() > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_of_accuracies_has_one_that_splits_a_by_the_caption(page):
    tables = yaml.safe_load((page / "study.yaml").read_text(encoding="utf-8")).get("tables", {}).values()
    shown = {kind: {table["arms"] for table in tables if table["show"] == kind} for kind in ("accuracies", "decomposition")}
    assert shown["accuracies"] <= shown["decomposition"]


def test_the_findings_count_the_checkpoints_of_all_pages():
    """In how many checkpoints the outcome meets both published ranges, pooled: a page that is added changes these sentences."""
    met = total = 0
    seen = set()
    for file in sorted(file for page in PAGES for file in page.glob("*.json")):
        numbers = json.loads(file.read_text(encoding="utf-8")).get("correlations")
        for point in numbers["points"] if numbers else []:
            of = [each for each in point["associations"] if each["reward"] == "outcome"]
            if json.dumps(of) in seen:
                continue  # the same responses, judged by others
            seen.add(json.dumps(of))
            pooled = {each["target"]: each["pooled"]["value"] for each in of}
            total += 1
            met += all(
                pooled[target] is not None and numbers["published"][name]["low"] <= pooled[target] <= numbers["published"][name]["high"]
                for target, name in (("reasoning", "outcome_with_reasoning"), ("perception", "outcome_with_perception"))
            )
    assert f"Both published ranges together: in {met} of {total}." in (ROOT / "README.md").read_text(encoding="utf-8")
    findings = (ROOT / "docs/results/README.md").read_text(encoding="utf-8")
    assert f"Both published ranges are met in {met} of {total} checkpoints" in " ".join(findings.split())


def test_the_sample_page_has_all_there_is_to_check():
    compared = check_page(SAMPLE)
    checked = "proportions accuracies correlations intervals differences margins decompositions errors orders passes".split()
    named = {"error tables", "rank correlations", "counterfactual contrasts", "differences of curves"}
    assert {*checked, *named} <= {name for name, count in compared.items() if count}


def altered_line(change):
    def alter(file: Path):
        lines = packed(file)
        change(lines)
        with gzip.open(file, "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)

    return alter


def altered_json(change):
    def alter(file: Path):
        numbers = json.loads(file.read_text(encoding="utf-8"))
        change(numbers)
        file.write_text(json.dumps(numbers), encoding="utf-8")

    return alter


def altered_text(heading, column):
    """One digit of the first row below a heading."""

    def alter(file: Path):
        lines = file.read_text(encoding="utf-8").splitlines()
        row = next(index for index, line in enumerate(lines) if heading in line) + 2
        cells = lines[row].split("|")
        cells[column] = " 0.987 "
        lines[row] = "|".join(cells)
        file.write_text("\n".join(lines), encoding="utf-8")

    return alter


def flip(name):
    return altered_line(lambda lines: lines[3].update({name: 1 - lines[3][name]}))


def interval(numbers):
    """One that is among those recomputed."""
    found = numbers["correlations"]["points"][0]["associations"][0]["pooled"]
    found["high"] += 0.5 * (found["high"] - found["low"])


CONTROLS = {
    "one answer": ("table.scores.jsonl.gz", flip("a")),
    "one caption": ("table.scores.jsonl.gz", flip("a_p")),
    "one answer from the oracle caption": ("table.scores.jsonl.gz", flip("a_r")),
    "one instance": ("table.instances.jsonl.gz", altered_line(lambda lines: lines[3].update(instance="other"))),
    "an accuracy's interval": ("README.md", altered_text("| a | a_p | a_r | sd", 2)),
    "one reason": ("table.scores.jsonl.gz", altered_line(lambda lines: lines[3].update(reason="no"))),
    "one example missing": ("table.scores.jsonl.gz", altered_line(lambda lines: lines.pop())),
    "one outcome of a rollout": ("correlations.rollouts.jsonl.gz", flip("outcome")),
    "one rollout once more": ("correlations.rollouts.jsonl.gz", altered_line(lambda lines: lines[3].update(times=lines[3]["times"] + 1))),
    "one surrogate": ("correlations.rollouts.jsonl.gz", altered_line(lambda lines: lines[3]["rewards"].update(teacher=1 - lines[3]["rewards"]["teacher"]))),
    "a number of a table": ("table.json", altered_json(lambda numbers: numbers["table"]["rows"][1]["a"].update(low=0.123))),
    "an interval of a correlation": ("correlations.json", altered_json(interval)),
    "a decomposition": ("README.md", altered_text("| captions right | captions wrong |", 3)),
    "one error of a caption": ("table.scores.jsonl.gz", altered_line(lambda lines: lines[1].update(errors={"extra": 5, "missing": 5, "wrong": 5}))),
    "a table of errors": ("README.md", altered_text("| extra | missing | wrong |", 6)),
    "a margin's test": ("differences.json", altered_json(lambda numbers: next(iter(numbers.values()))["differences"][0]["margin"].update(not_worse=0.2))),
    "an interval of the counterfactual reading": (
        "correlations.json",
        altered_json(lambda numbers: numbers["correlations"]["points"][0]["contrasts"][0]["counterfactual"].update(low=-3)),
    ),
    "one value of a curve": ("model.curves.jsonl.gz", altered_line(lambda lines: lines[0]["values"].update(val_a_p=0.9))),
    "a difference of curves": ("README.md", altered_text("| steps 20–60 |", 3)),
    "a difference": ("differences.json", altered_json(lambda numbers: next(iter(numbers.values()))["differences"][0].update(mean=0.2))),
}


@pytest.mark.parametrize("what", CONTROLS)
def test_a_page_with_one_thing_altered_fails(what, tmp_path):
    page = tmp_path / "page"
    shutil.copytree(SAMPLE, page)
    file, alter = CONTROLS[what]
    alter(page / file)
    with pytest.raises(AssertionError):
        check_page(page)
