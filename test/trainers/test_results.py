"""Every number of docs/results once more, from the single answers and rollouts that lie beside it, by other code.

For `NODE.json` with a table: counts, Wilson intervals, F1, reasons and the pooled rows, from `NODE.scores.jsonl.gz`. With
correlations: means, correlations in all readings, tables and rank correlations, from `NODE.rollouts.jsonl.gz`, and the bootstrap's
intervals as nearly as another generator's draws tell. `differences.json`: seed by seed, with t and Holm.
"""

import gzip
import json
import math
import shutil
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from mpmath import betainc

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in (ROOT / "docs" / "results").iterdir() if path.is_dir())
SAMPLE = Path(__file__).parent / "results-page"  # a page of two tiny studies, for the negative controls
Z = 1.959963984540054
NO_REWARDS = {"total", "outcome", "perception", "consistent"}


def packed(file: Path) -> list[dict]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def near(value, expected, what, error=1e-9):
    if value is None or expected is None:
        assert value is expected, f"{what}: {value}, recomputed {expected}"
    else:
        assert math.isclose(value, expected, rel_tol=error, abs_tol=error), f"{what}: {value}, recomputed {expected}"


def check_page(page: Path) -> Counter:
    """Fails at the first number that does not follow; says how many were compared."""
    compared = Counter()
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
    evidence = page / f"{node}.scores.jsonl.gz"
    if not evidence.exists():
        assert "were not kept" in (page / "README.md").read_text(encoding="utf-8"), f"{evidence.name} is missing"
    examples = packed(evidence) if evidence.exists() else None
    if examples is not None:
        points = {json.dumps(example["labels"], sort_keys=True) for example in examples}
        rows = [json.dumps(row["labels"], sort_keys=True) for row in table["rows"]]
        assert sorted(points) == sorted(rows), f"{node}: the points of the examples are not the rows"
    for kind in ("rows", "pooled"):
        for row in table[kind]:
            members = [each for each in table["rows"] if row["labels"].items() <= each["labels"].items()]
            assert row["points"] == len(members)
            what = f"{node} {kind} {row['labels']}"
            if examples is None:
                for metric in ("a", "a_p", "a_r"):
                    total = [sum(each[metric][field] for each in members) for field in ("successes", "n")]
                    check_proportion(row[metric], *total, f"{what} {metric}")
                    compared["proportions without examples"] += 1
                continue
            own = [example for example in examples if row["labels"].items() <= example["labels"].items()]
            ids = Counter((json.dumps(example["labels"]), example["id"]) for example in own)
            assert max(ids.values()) == 1, f"{what}: an example twice"
            for metric in ("a", "a_p", "a_r"):
                assert {example[metric] for example in own} <= {0, 1}
                check_proportion(row[metric], sum(example[metric] for example in own), len(own), f"{what} {metric}")
                compared["proportions"] += 1
            near(row["perception_f1"], float(np.mean([example["f1"] for example in own])), f"{what} F1")
            reasons = Counter(example["reason"] for example in own if example["reason"] is not None)
            assert row["reasons"] == reasons, f"{what}: {row['reasons']}, recomputed {reasons}"


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
        self.right = defaultdict(list)
        for line in self.forced:
            self.right[line["id"]].append(line["outcome"])

    def reward(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Its values, and the places of the rollouts that have it."""
        values = [line["outcome"] if name == "outcome" else line["rewards"].get(name) for line in self.own]
        has = np.array([place for place, value in enumerate(values) if value is not None], dtype=int)
        return np.array([float(values[place]) for place in has]), has

    def by_prompt(self, values: np.ndarray, prompts: np.ndarray) -> dict[str, float]:
        return {self.ids[prompt]: float(values[prompts == prompt].mean()) for prompt in sorted(set(prompts))}

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
    lines = packed(page / f"{node}.rollouts.jsonl.gz")
    by_point = defaultdict(list)
    for line in lines:
        by_point[json.dumps(line["labels"], sort_keys=True)].append(line)
    checkpoints = []
    assert len(by_point) == len(said["points"]), f"{node}: the points of the rollouts are not those of the correlations"
    for point in said["points"]:
        rollouts = Rollouts(by_point[json.dumps(point["labels"], sort_keys=True)])
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
            both = [rollouts.correlation(contrast["reward"], target, reading) for target in ("reasoning", "perception")]
            expected = None if None in both else both[0] - both[1]
            near(contrast[reading]["value"], expected, f"{what} contrast of {contrast['reward']}, {reading}", 1e-7)


def mean(values) -> float | None:
    return float(np.mean(values)) if len(values) else None


def check_contingency(table: dict | None, x: np.ndarray, y: np.ndarray, where: str):
    if not set(x) <= {0.0, 1.0}:
        assert table is None, where
        return
    counts = Counter(zip(x.astype(int), y.astype(int)))
    said = [table[name] for name in ("both", "only_reward", "only_target", "neither")]
    assert said == [counts[pair] for pair in ((1, 1), (1, 0), (0, 1), (0, 0))], where
    # The ends of phi are those of the two most unequal pairings of what there is.
    if np.ptp(x) and np.ptp(y):
        near(table["phi_max"], pearson(np.sort(x), np.sort(y)), f"{where} phi_max", 1e-7)
        near(table["phi_min"], pearson(np.sort(x), np.sort(y)[::-1]), f"{where} phi_min", 1e-7)


def ranks(values: list[float]) -> np.ndarray:
    values = np.array(values)
    return np.array([(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values])


def check_across(checkpoints: list[Rollouts], across: dict, where: str):
    pairs = []
    for rollouts in checkpoints:
        if across["reward"] not in rollouts.rewards:
            continue
        target = across["target"]
        held = [line["outcome"] for line in rollouts.forced] if target == "counterfactual" else getattr(rollouts, target)
        pair = mean(rollouts.reward(across["reward"])[0]), mean(held)
        if None not in pair:
            pairs.append(pair)
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


def arms_of(page: Path, study: dict, name: str) -> dict[str, dict[str, tuple[dict, list | None]]]:
    """Arm → seed → its row and its examples."""
    described = study["arms"][name]
    seed = study.get("seed", "seed")
    arms = defaultdict(dict)
    sources = [(described.get("of", "table"), described.get("where", {}), None)]
    sources += [(other["of"], other.get("where", {}), other["label"]) for other in described.get("also", [])]
    for node, where, label in sources:
        table = json.loads((page / f"{node}.json").read_text(encoding="utf-8"))["table"]
        evidence = page / f"{node}.scores.jsonl.gz"
        examples = packed(evidence) if evidence.exists() else None
        for row in table["rows"]:
            if where.items() <= row["labels"].items():
                own = [example for example in examples if example["labels"] == row["labels"]] if examples else None
                arms[label or row["labels"][described["axis"]]][row["labels"].get(seed, "")] = row, own
    return arms


def student(values: list[float]) -> tuple[float, float, float]:
    """Mean, standard deviation and two-sided p of a mean of 0."""
    deviation = float(np.std(values, ddof=1))
    return float(np.mean(values)), deviation, tails(np.mean(values) / (deviation / math.sqrt(len(values))), len(values) - 1)


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
        if len(values) > 1 and np.ptp(values) > 1e-12:
            _, deviation, p = student(values)
            near(each["sd"]["value"], deviation, f"{where}, sd")
            near(each["p"]["value"], p, f"{where}, p", 1e-8)
            half = (each["over_seeds"]["high"] - each["over_seeds"]["low"]) / 2
            near(each["over_seeds"]["low"] + half, each["mean"], f"{where}, middle")
            near(tails(half / (deviation / math.sqrt(len(values))), len(values) - 1), 0.05, f"{where}, 95 %", 1e-8)
        compared["differences"] += 1
        examples = [(arm[seed][1], base[seed][1]) for seed in seeds]
        if any(one is None or other is None for one, other in examples):
            assert each["over_examples"]["low"] is None and each["examples"] == 0, where
            continue
        sums = defaultdict(lambda: [0, 0])
        for one, other in examples:
            theirs = {example["id"]: example[metric] for example in other}
            for example in one:
                sums[example["id"]][0] += 1
                sums[example["id"]][1] += example[metric] - theirs[example["id"]]
        assert each["examples"] == len(sums), where
        if len(sums) >= FEWEST_CLUSTERS and each["over_examples"]["low"] is not None:
            rows = np.array(list(sums.values()), dtype=float)
            check_ends(each["over_examples"], resampled(rows, lambda totals: totals[:, 1] / totals[:, 0]), where)
            compared["intervals"] += 1
    with_p = [each for each in said["differences"] if each["p"]["value"] is not None]
    assert said["compared"] == len(with_p)
    for each, p in zip(with_p, holm([each["p"]["value"] for each in with_p])):
        near(each["p_holm"], p, f"{name}: Holm of {each['arm']}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_number_of_a_page_follows_from_what_lies_beside_it(page):
    compared = check_page(page)
    print(page.name, dict(compared))
    assert compared.total() > 0


def test_the_sample_page_has_all_there_is_to_check():
    compared = check_page(SAMPLE)
    assert {"proportions", "correlations", "intervals", "rank correlations", "differences"} <= set(compared)


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
    "one reason": ("table.scores.jsonl.gz", altered_line(lambda lines: lines[3].update(reason="no"))),
    "one example missing": ("table.scores.jsonl.gz", altered_line(lambda lines: lines.pop())),
    "one outcome of a rollout": ("correlations.rollouts.jsonl.gz", flip("outcome")),
    "one rollout once more": ("correlations.rollouts.jsonl.gz", altered_line(lambda lines: lines[3].update(times=lines[3]["times"] + 1))),
    "one surrogate": ("correlations.rollouts.jsonl.gz", altered_line(lambda lines: lines[3]["rewards"].update(teacher=1 - lines[3]["rewards"]["teacher"]))),
    "a number of a table": ("table.json", altered_json(lambda numbers: numbers["table"]["rows"][1]["a"].update(low=0.123))),
    "an interval of a correlation": ("correlations.json", altered_json(interval)),
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
