"""Stands in for `pipe score` in the trainers' tests: the rules of conftest's rows, answered in order, line by line.

With an argument it dies after as many answers.
"""

import json
import sys


def edges(text):
    try:
        return {tuple(edge) for edge in json.loads(text)}
    except (ValueError, TypeError):
        return None


def between(text, tag):
    opened, closed = text.find(f"<{tag}>"), text.find(f"</{tag}>")
    return text[opened + len(tag) + 2 : closed] if 0 <= opened < closed else None


def right(answer, seen):
    return seen is not None and answer == {str(v): "ab"[any(v in edge for edge in seen)] for v in range(3)}


def score(line):
    truth = {tuple(edge) for edge in json.loads(line["ground_truth"])["edges"]}
    wanted, caption = edges(line["perception"]), edges(between(line["response"], "caption") or "")
    if wanted is None:
        return {"id": line["id"], "error": '"perception": it is not JSON'}
    try:
        answer = json.loads(between(line["response"], "answer") or "")
    except ValueError:
        answer = None
    shared = 0 if caption is None else len(caption & wanted)
    size = 0 if caption is None else len(caption) + len(wanted)
    f1 = 0 if caption is None else 2 * shared / size if size else 1
    outcome = right(answer, truth)
    return {
        "id": line["id"],
        "outcome": outcome,
        "perception": caption == wanted,
        "perception_f1": f1,
        "consistent": right(answer, caption),
        "reason": None if outcome and caption == wanted else "misperceived" if outcome else "bad-answer",
    }


for count, line in enumerate(sys.stdin):
    if len(sys.argv) > 1 and count == int(sys.argv[1]):
        sys.exit("the scorer has had enough")
    print(json.dumps(score(json.loads(line))), flush=True)
