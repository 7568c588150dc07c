import email.utils
import gzip
import json
import os
import signal
import threading
import time
from operator import itemgetter
from pathlib import Path

import openai
import pytest

from conftest import GRPO, ROLLOUT, events, exit_code, prepare, result, row, start
from endpoints import SEEN, Reply, completion, endpoint, picture_of, reset, sees, serving, text_of
from trainers import endpoint as module
from trainers import grpo, rollout
from trainers.job import main
from trainers.kept_answers import KeptAnswers
from trainers.sampling import caption_of

PICTURES = 10
KEY = "a-secret-that-nobody-may-see"


@pytest.fixture
def hasty(monkeypatch):
    """Pauses so short that no test waits for them."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.01)


def job_asking(directory: Path, trained: Path, prompts: Path, captioner=None, solver=None, checkpoints=None, **params) -> Path:
    surrogates = ["teacher"] * (captioner is not None) + ["blind-solve"] * (solver is not None)
    asking = ROLLOUT | {"surrogates": surrogates, "captioner": captioner, "solver": solver} | params
    return prepare(directory, asking, checkpoints, model=trained, data=prompts)


def rollouts(job: Path) -> list[dict]:
    return [json.loads(line) for line in (job / "output" / "rollouts.jsonl").read_text().splitlines()]


def said(job: Path, name: str = "captions") -> list[dict]:
    with gzip.open(job / "output" / f"{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def test_a_teacher_sees_each_picture_once_and_its_words_are_kept(beginner, prompts, tmp_path):
    with serving(lambda body, _: sees(body)) as server:
        job = job_asking(tmp_path / "job", beginner, prompts, endpoint(server.url))
        assert main(rollout.work, [str(job)]) == 0
    assert len(server.bodies) == PICTURES and {picture_of(body) for body in server.bodies} == set(SEEN)
    assert set(server.paths) == {"/v1/chat/completions"} and set(server.authorizations) == {None}
    for body in server.bodies:
        assert (body["model"], body["temperature"], body["max_tokens"]) == ("teacher", 0, 64)
        assert text_of(body).startswith(row(0)["query"]) and "<caption>" in text_of(body)
    # The teacher is right, so that agreeing with it is to be right.
    made = rollouts(job)
    assert all(line["rewards"]["teacher"] == line["perception"] for line in made)
    assert all(line["rewards"]["teacher_f1"] == line["perception_f1"] for line in made)
    assert 0 < sum(line["perception"] for line in made) < len(made)
    assert said(job) == [
        {"id": f"row-{index}", "caption": seen, "response": f"Here: <caption>{seen}</caption>", "finish_reason": "stop", "model": "teacher"}
        for index, seen in zip(range(2000, 2010), SEEN.values())
    ]
    done = [event for event in events(job, "progress") if event["unit"] == "answers"]
    assert done[-1] | {"event": ""} == {"event": "", "done": PICTURES, "total": PICTURES, "unit": "answers"}


def test_only_the_rows_that_count_are_asked_about(trained, prompts, tmp_path):
    with serving(lambda body, _: sees(body)) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url), limit=3)
        assert main(rollout.work, [str(job)]) == 0
    assert len(server.bodies) == 3 and len(said(job)) == 3


def test_as_many_are_asked_at_a_time_as_the_endpoint_takes(trained, prompts, tmp_path):
    together, at_once, most = threading.Barrier(3), 0, 0

    def counted(body, _):
        nonlocal at_once, most
        with server.lock:
            at_once += 1
            most = max(most, at_once)
        together.wait()
        with server.lock:
            at_once -= 1
        return sees(body)

    with serving(counted) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url, concurrency=3), limit=9)
        assert main(rollout.work, [str(job)]) == 0
    assert most == 3


def test_a_solver_reads_the_caption_and_no_picture(beginner, prompts, tmp_path):
    def solve(body, _):
        caption = text_of(body).rpartition("<caption>")[2].partition("</caption>")[0]
        try:
            edges = json.loads(caption)
            answer = {str(v): "ab"[any(v in edge for edge in edges)] for v in range(3)}
        except (ValueError, TypeError):
            answer = None
        return completion(f"So: <answer>{json.dumps(answer)}</answer>", model="solver")

    with serving(solve) as server:
        job = job_asking(tmp_path / "job", beginner, prompts, solver=endpoint(server.url, model="solver"))
        assert main(rollout.work, [str(job)]) == 0
    made = rollouts(job)
    captions = {caption for line in made if (caption := caption_of(line["response"])) is not None}
    assert len(server.bodies) == len(captions) > 1  # each once: there is one question in this data set
    assert all(isinstance(body["messages"][0]["content"], str) and text_of(body).startswith(row(0)["query"]) for body in server.bodies)
    assert all(line["rewards"]["blind_solve"] == 1 for line in made if line["perception"])
    assert {line["rewards"]["blind_solve"] for line in made} == {0, 1}
    lines = said(job, "solutions")
    assert sorted(line["caption"] for line in lines) == sorted(captions) and all("So: " in line["response"] for line in lines)


def large(_body):
    return Reply(200, b'{"choices": "' + b"x" * 200_000 + b'"}')


PASSING = {
    "too many requests": lambda _: Reply(429, b"", {"Retry-After": "0"}),
    "an error of the server": lambda _: Reply(500, b"<html>oh no</html>"),
    "a gateway that finds nobody": lambda _: Reply(503, b"{}", {"Retry-After": "soon"}),
    "a reset connection": lambda _: reset,
    "no JSON": lambda _: Reply(200, b"<html>welcome to the hotel</html>"),
    "JSON of another kind": lambda _: Reply(200, b'{"choices": []}'),
    "a list as content": lambda _: Reply(200, b'{"choices": [{"message": {"content": [1]}}]}'),
    "JSON of great depth": lambda _: Reply(200, b"[" * 100_000),
    "bytes that are no text": lambda _: Reply(200, b"\xff\xfe\x00"),
    "an answer cut short": lambda _: Reply(200, b'{"cho', {"Content-Length": "4000"}),
    "a huge answer": large,
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
@pytest.mark.usefixtures("hasty")
def test_what_may_pass_is_asked_again(trouble, trained, prompts, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_ANSWER_BYTES", 100_000)
    with serving(lambda body, before: trouble(body) if before == 0 else sees(body)) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url))
        assert main(rollout.work, [str(job)]) == 0
    assert len(server.bodies) == 2 * PICTURES
    assert [line["caption"] for line in said(job)] == list(SEEN.values())
    (warning,) = [event["message"] for event in events(job, "log") if event["level"] == "warn"]
    assert server.host in warning and "asked again" in warning


@pytest.mark.usefixtures("hasty")
def test_silence_is_not_waited_for_for_ever(trained, prompts, tmp_path):
    with serving(lambda body, before: server.hang if before == 0 else sees(body)) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url, timeout_seconds=2), limit=3)
        assert main(rollout.work, [str(job)]) == 0
    assert len(server.bodies) >= 6 and len(said(job)) == 3


@pytest.mark.usefixtures("hasty")
def test_nor_is_a_trickle(trained, prompts, tmp_path):
    def trickle(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while not server.ended.wait(0.05):
            handler.wfile.write(b" ")

    with serving(lambda body, before: trickle if before == 0 else sees(body)) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url, timeout_seconds=2), limit=1)
        assert main(rollout.work, [str(job)]) == 0
    assert len(server.bodies) >= 2 and len(said(job)) == 1


@pytest.mark.usefixtures("hasty")
def test_a_server_that_says_when_to_come_back_is_left_alone_until_then(trained, prompts, tmp_path):
    opens: list[float] = []

    def closed_for_a_while(body, _):
        if not opens:
            opens.append(time.monotonic() + 1)
        return sees(body) if time.monotonic() > opens[0] else Reply(429, b"", {"Retry-After": "1"})

    with serving(closed_for_a_while) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url, concurrency=1))
        assert main(rollout.work, [str(job)]) == 0
    assert len(server.bodies) == PICTURES + 1


def test_what_a_server_means_by_later():
    assert module.retry_after("7") == 7
    assert 50 < module.retry_after(email.utils.formatdate(time.time() + 60, usegmt=True)) <= 60
    assert [module.retry_after(header) for header in (None, "", "soon", "-3", "Sun, 06 Nov 1994 08:49:37 GMT")] == [0] * 5


def failed(job: Path) -> dict:
    assert main(rollout.work, [str(job)]) == 1
    return result(job)


def everything_written(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


FINAL = {
    "a wrong key": (Reply(401, f"Incorrect API key provided: {KEY}".encode()), "401 (Unauthorized)", "Set A_KEY to"),
    "a key without rights": (Reply(403, b""), "403 (Forbidden)", "Set A_KEY to"),
    "a wrong address": (Reply(404, b"no model teacher"), "404 (Not Found): no model teacher", "/chat/completions"),
    "a wrong question": (Reply(400, f"bad, {KEY}".encode()), "400 (Bad Request): bad, …", "`max_tokens`"),
    "a detour": (Reply(302, b"", {"Location": "http://127.0.0.1:9/v1"}), "302", "redirects are not followed"),
    "a long holiday": (Reply(429, b"", {"Retry-After": "86400"}), "wait for 86400 seconds", "Run the same command again"),
}


@pytest.mark.parametrize(("reply", "message", "fix"), FINAL.values(), ids=FINAL.keys())
def test_what_will_not_pass_ends_the_job_at_once(reply, message, fix, trained, prompts, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("A_KEY", KEY)
    with serving(lambda body, _: sees(body) if len(server.bodies) <= 4 else reply) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url, concurrency=1, key_env="A_KEY"))
        ended = failed(job)
    assert len(server.bodies) == 5 and set(server.authorizations) == {f"Bearer {KEY}"}
    assert server.host in ended["message"] and message in ended["message"] and fix in ended["fix"]
    assert ended["message"].endswith("4 answers are kept and not asked for again.")
    assert KEY.encode() not in everything_written(tmp_path) and KEY not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("hasty")
def test_tries_have_an_end_and_what_is_kept_is_not_asked_for_again(trained, prompts, tmp_path):
    kept = tmp_path / "kept"
    blind = list(SEEN)[6:]
    with serving(lambda body, _: Reply(502, b"nobody home") if picture_of(body) in blind else sees(body)) as server:
        ended = failed(job_asking(tmp_path / "one", trained, prompts, endpoint(server.url, concurrency=1), checkpoints=kept))
    assert len(server.bodies) == 6 + module.TRIES
    assert "502 (Bad Gateway): nobody home to the last of 8 attempts" in ended["message"] and "6 answers" in ended["message"]
    with serving(lambda body, _: sees(body)) as server:
        job = job_asking(tmp_path / "two", trained, prompts, endpoint(server.url), checkpoints=kept)
        assert main(rollout.work, [str(job)]) == 0
    assert {picture_of(body) for body in server.bodies} == set(blind) and len(server.bodies) == 4
    assert [line["caption"] for line in said(job)] == list(SEEN.values())


@pytest.mark.usefixtures("hasty")
def test_nobody_there_is_an_error_in_the_end(trained, prompts, tmp_path):
    with serving(lambda body, _: sees(body)) as server:
        pass
    ended = failed(job_asking(tmp_path / "job", trained, prompts, endpoint(server.url)))
    assert server.host in ended["message"] and "could not be reached" in ended["message"]


@pytest.mark.parametrize("value", [None, "", " ", "two\nlines", "schlüssel"])
def test_a_variable_without_a_key_is_an_error_that_does_not_show_it(value, trained, prompts, tmp_path, monkeypatch):
    monkeypatch.delenv("A_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("A_KEY", value)
    with serving(lambda body, _: sees(body)) as server:
        ended = failed(job_asking(tmp_path / "job", trained, prompts, endpoint(server.url, key_env="A_KEY")))
    assert "A_KEY does not hold a key" in ended["message"] and server.bodies == []


@pytest.mark.parametrize("text", ["It shows a triangle.", None, "<caption>[[0,1]", "<caption>{{</caption>", "<caption>\ud800</caption>"])
def test_an_answer_without_a_caption_agrees_with_nobody(text, trained, prompts, tmp_path):
    with serving(lambda *_: completion(text, "length")) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url), limit=4)
        assert main(rollout.work, [str(job)]) == 0
    assert {line["rewards"]["teacher"] for line in rollouts(job)} == {0}
    warnings = [event["message"] for event in events(job, "log") if event["level"] == "warn"]
    if "</caption>" in (text or ""):
        assert warnings == []
    else:
        assert "4 of 4 answers have no caption, 4 of them cut at max_tokens" in warnings[0]


@pytest.mark.parametrize(("end", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_job_that_is_ended_while_it_waits_asks_nothing_twice(end, code, trained, prompts, tmp_path):
    kept = tmp_path / "kept"
    answered = 0

    def four_and_no_more(body, _):
        nonlocal answered
        with server.lock:
            answered += 1
            return sees(body) if answered <= 4 else server.hang

    with serving(four_and_no_more) as server:
        job = job_asking(tmp_path / "one", trained, prompts, endpoint(server.url, timeout_seconds=500), checkpoints=kept)
        process = start(rollout.work, job)
        file = kept / "captions.jsonl"
        while not file.exists() or file.read_bytes().count(b"\n") < 4:
            assert process.is_alive()
            time.sleep(0.01)
        assert process.pid is not None
        os.kill(process.pid, end)
        assert exit_code(process) == code
        assert not (job / "result.json").exists()
    # The last line as a crash of the machine may leave it.
    file.write_bytes(file.read_bytes() + b'{"request": "abc')
    before = [json.loads(line)["answer"]["about"] for line in file.read_text().splitlines()[:4]]
    with serving(lambda body, _: sees(body)) as server:
        job = job_asking(tmp_path / "two", trained, prompts, endpoint(server.url), checkpoints=kept)
        assert main(rollout.work, [str(job)]) == 0
    assert len(server.bodies) == PICTURES - 4
    assert not {picture_of(body) for body in server.bodies} & {row(int(name.removeprefix("row-")))["image"]["bytes"] for name in before}
    assert [line["caption"] for line in said(job)] == list(SEEN.values())
    # Lines after the broken one can be read.
    assert len(KeptAnswers(file, module.Answer).answers) == PICTURES


def test_training_goes_on_where_it_was_though_the_endpoint_moved(trained, prompts, tmp_path, monkeypatch):
    kept = tmp_path / "kept"

    def train(name: str, url: str, steps: int, **more) -> Path:
        teacher = {"perception": {"surrogate": "teacher", "as": "f1"}, "captioner": endpoint(url, **more)}
        job = prepare(tmp_path / name, GRPO | teacher | {"steps": steps}, kept, model=trained, data=prompts)
        assert main(grpo.work, [str(job)]) == 0
        return job

    with serving(lambda body, _: sees(body)) as server:
        train("one", server.url, 1)
    assert len(server.bodies) == PICTURES
    monkeypatch.setenv("A_KEY", KEY)
    with serving(lambda body, _: sees(body)) as server:
        job = train("two", server.url, 2, key_env="A_KEY", concurrency=1)
    assert server.bodies == [] and result(job)["resumed_from"] == 1
    assert len(said(job)) == PICTURES
    output = everything_written(job / "output")
    assert server.host.encode() not in output and b"A_KEY" not in output and KEY.encode() not in output
    card = (job / "output" / "README.md").read_text()
    assert '"captioner": {\n    "model": "teacher",\n    "max_tokens": 64\n  }' in card and '"solver"' not in card


def test_a_trained_model_has_every_answer_of_its_solver_also_those_before_a_checkpoint(trained, prompts, tmp_path):
    kept = tmp_path / "kept"

    def solved(*_):
        return completion("<answer>{}</answer>")

    def train(name: str, url: str, steps: int, checkpoints: Path) -> list[dict]:
        blind = {"perception": {"surrogate": "blind-solve"}, "solver": endpoint(url)}
        job = prepare(tmp_path / name, GRPO | blind | {"steps": steps}, checkpoints, model=trained, data=prompts)
        assert main(grpo.work, [str(job)]) == 0
        return said(job, "solutions")

    with serving(solved) as server:
        train("one", server.url, 1, kept)
        resumed = train("two", server.url, 2, kept)
        assert server.bodies.count(server.bodies[0]) == 1
    with serving(solved) as server:
        straight = train("straight", server.url, 2, tmp_path / "other")
    by_caption = itemgetter("caption")
    assert sorted(resumed, key=by_caption) == sorted(straight, key=by_caption)


def test_the_server_of_these_tests_speaks_as_a_real_client_expects():
    with serving(lambda *_: completion("<caption>[]</caption>")) as server:
        client = openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=0)
        made = client.chat.completions.create(model="teacher", messages=[{"role": "user", "content": "?"}])
    assert made.choices[0].message.content == "<caption>[]</caption>" and made.choices[0].finish_reason == "stop"
    assert server.authorizations == [f"Bearer {KEY}"]


def test_a_real_client_asks_the_same_question(trained, prompts, tmp_path):
    with serving(lambda body, _: sees(body)) as server:
        job = job_asking(tmp_path / "job", trained, prompts, endpoint(server.url), limit=1)
        assert main(rollout.work, [str(job)]) == 0
        (ours,) = server.bodies
        openai.OpenAI(base_url=server.url, api_key=KEY).chat.completions.create(**ours)
    assert server.bodies[1] == ours
