"""experiments/tiny/eval-vllm.yaml and distill-llm.yaml by the real command line: `npm run test:trainers -- --all`.

The teacher is SmolLM2-135M-Instruct, about 90 MB from PyPI. Most of its replies are wrong, so the tests ask for no number of right ones.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIPE = ROOT / "bin" / "pipe"
TEACHER = "SmolLM2-135M-Instruct"
DEADLINE_SECONDS = 1800
ENVIRONMENT = os.environ | {"PIPE_PYTHON_VLLM": sys.executable, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}


def run(project: Path, *command: object, expected: int = 0) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=project, env=ENVIRONMENT, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    assert done.returncode == expected, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def project_of(folder: Path, experiment: str) -> Path:
    shutil.copy(ROOT / "experiments/tiny" / experiment, folder / experiment)
    return folder


def artifact(project: Path, name: str, node: str) -> Path:
    """The output of a node of the experiment's first run."""
    return project / ".pipe/runs" / f"{name}-1" / "artifacts" / node


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def servers_with(log: Path) -> list[int]:
    """Live processes whose directory is the server's, as that of vLLM and all its workers is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")) == log.parent and alive(int(process.name)):
                found.append(int(process.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def test_vllm_and_transformers_answer_alike(tmp_path):
    project = project_of(tmp_path, "eval-vllm.yaml")
    python = run(project, PIPE, "env", "build", "pipe").strip()
    run(project, python, ROOT / "experiments/tiny/qwen3_vl.py", "tiny-qwen3-vl")
    table = run(project, PIPE, "run", "eval-vllm.yaml", "-j", 1)
    by_vllm, by_transformers = (
        lines(artifact(project, "tiny-eval-vllm", f"answers[engine={engine}]") / "predictions.jsonl") for engine in ("vllm", "transformers")
    )
    assert [one["mode"] for one in by_vllm] == ["end-to-end"] * 30 + ["counterfactual"] * 30
    assert by_vllm == by_transformers
    assert re.search(r"^vllm +30 ", table, re.MULTILINE), table
    # Nothing is due afterwards: the exit code would be 10.
    run(project, PIPE, "plan", "eval-vllm.yaml", "--check")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("teacher") / TEACHER
    run(directory.parent, sys.executable, ROOT / "experiments/tiny/smollm2.py", directory)
    return directory


def with_vllm(teacher: Path, *command: object) -> list[object]:
    return [sys.executable, "-m", "trainers.with_vllm", teacher, "--context", 1024, "--", *command]


def test_a_language_model_teaches_and_the_judge_rejects(teacher, tmp_path):
    project = project_of(tmp_path, "distill-llm.yaml")
    events = run(project, *with_vllm(teacher, PIPE, "run", "distill-llm.yaml", "--json"))
    # The node fails where no reply at all is right, which 3 of 33 were.
    [made] = [event for event in map(json.loads, events.splitlines()) if event.get("node") == "cot" and "summary" in event]
    summary = made["summary"]
    assert summary["rows"] + summary["rejected"] == 12
    assert 12 <= summary["replies"] <= 36
    assert artifact(project, "tiny-distill-llm", "cot").is_dir()
    run(project, PIPE, "plan", "distill-llm.yaml", "--check")


# Not SIGINT, which a shell without job control has its background commands ignore.
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_command_and_the_server(teacher, tmp_path, number):
    log = tmp_path / "log"
    with open(log, "wb") as said:
        marker = tmp_path / "began"
        command = with_vllm(teacher, "sh", "-c", f"echo $$ $VLLM_URL > {marker}; exec sleep 1000")
        running = subprocess.Popen([str(part) for part in command], cwd=tmp_path, env=ENVIRONMENT, stdout=said, stderr=said)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (marker.exists() and marker.read_text().endswith("/v1\n")):
            assert running.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        named = re.search(r"whose log is (\S+)", log.read_text())
        assert named is not None
        server_log = Path(named[1])
        assert servers_with(server_log)
        running.send_signal(number)
        assert running.wait(DEADLINE_SECONDS) == (130 if number == signal.SIGTERM else -signal.SIGKILL)
    if number == signal.SIGKILL:
        os.kill(int(marker.read_text().split()[0]), signal.SIGTERM)  # nobody ends the command then
    while servers_with(server_log):
        assert time.monotonic() < deadline, "processes of vLLM are left"
        time.sleep(0.2)
