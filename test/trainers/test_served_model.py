"""A teacher behind a real server: `transformers serve` with the very model that another job has as its input `captioner`."""

import gzip
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROLLOUT, prepare
from endpoints import endpoint
from trainers import rollout
from trainers.job import main


@pytest.fixture(scope="module")
def server(trained, tmp_path_factory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    serve = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(trained), "--port", str(port), "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with log.open("wb") as file, subprocess.Popen(serve, env=environment, stdout=file, stderr=file) as process:
        try:
            while True:
                assert process.poll() is None, log.read_text()
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def lines(job: Path) -> list[dict]:
    return [json.loads(line) for line in (job / "output" / "rollouts.jsonl").read_text().splitlines()]


def test_a_served_model_teaches_as_it_does_where_it_is_an_input(server, trained, beginner, prompts, tmp_path):
    teacher = ROLLOUT | {"surrogates": ["teacher"], "max_tokens": 40}
    served = prepare(
        tmp_path / "served",
        teacher | {"captioner": endpoint(server, model=str(trained), timeout_seconds=300)},
        model=beginner,
        data=prompts,
    )
    given = prepare(tmp_path / "given", teacher, model=beginner, data=prompts, captioner=trained)
    assert main(rollout.work, [str(served)]) == 0 and main(rollout.work, [str(given)]) == 0
    with gzip.open(served / "output" / "captions.jsonl.gz", "rt") as file:
        captions = [json.loads(line)["caption"] for line in file]
    assert len(captions) == 10 and len(set(captions)) > 1 and all(caption.startswith("[") for caption in captions)
    assert lines(served) == lines(given)
    assert 0 < sum(line["rewards"]["teacher"] for line in lines(served)) < len(lines(served))


def test_a_model_that_the_server_lacks_is_an_error_with_its_words(server, trained, prompts, tmp_path):
    params = ROLLOUT | {"surrogates": ["teacher"], "captioner": endpoint(server, model="another", concurrency=1), "limit": 1}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts)
    assert main(rollout.work, [str(job)]) == 1
    said = json.loads((job / "result.json").read_text())
    assert server.split("/")[2] in said["message"] and "`model`" in said["fix"]
