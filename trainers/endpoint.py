"""A model behind an OpenAI-compatible endpoint, asked by POST to `<url>/chat/completions`, greedily (temperature 0).

An answer is kept on the disk as it arrives, under the hash of its request, so that nobody is asked twice, whatever becomes of the
job: the hash knows the model, the words and the picture, and neither the address nor the key. What may pass (429, 408, 5xx, a broken
connection, silence, an answer that is none) is asked again, ever more slowly, TRIES times in all; what will not pass ends the job at
once. The key is read from the environment and goes into one header, and nothing else: no file, no log and no message has it.
"""

import base64
import email.utils
import hashlib
import http.client
import json
import os
import queue
import random
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainers.job import Job, JobError

TRIES = 8
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_ASKED_PAUSE_SECONDS = 900.0  # a server that wants more is not about to answer this job
LARGEST_ANSWER_BYTES = 4 << 20
QUOTED_CHARACTERS = 300
POLL_SECONDS = 0.2

ROLES = ("captioner", "solver")
_ADDRESS = ("url", "key_env", "concurrency", "timeout_seconds")
_PASSING = {408, 425, 429}


@dataclass(frozen=True)
class Endpoint:
    """As the stages' params have it; `key_env` names the variable with the key, None where there is none."""

    url: str
    model: str
    key_env: str | None
    max_tokens: int
    concurrency: int
    timeout_seconds: float

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def key(self) -> str | None:
        if self.key_env is None:
            return None
        key = os.environ.get(self.key_env, "").strip()
        if not key or not (key.isascii() and key.isprintable()):
            raise JobError(f"The environment variable {self.key_env} does not hold a key.", f"Set it to the key of {self.host}.")
        return key


def without_address(params: dict[str, Any]) -> dict[str, Any]:
    """Params without what can't change an answer; an endpoint that is not there leaves no trace."""
    roles = {name: params[name] for name in ROLES}
    absent = {name for name, role in roles.items() if role is None}
    asked = {name: {key: role[key] for key in role if key not in _ADDRESS} for name, role in roles.items() if role is not None}
    return {name: asked.get(name, value) for name, value in params.items() if name not in absent}


@dataclass(frozen=True)
class Question:
    """One turn of a user: a text, below a picture (a PNG's bytes) where there is one; `about` tells people what it is about."""

    about: str
    text: str
    picture: bytes | None = None

    def body(self, endpoint: Endpoint) -> bytes:
        content: Any = self.text
        if self.picture is not None:
            address = "data:image/png;base64," + base64.b64encode(self.picture).decode()
            content = [{"type": "image_url", "image_url": {"url": address}}, {"type": "text", "text": self.text}]
        request = {
            "model": endpoint.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": endpoint.max_tokens,
        }
        return json.dumps(request, sort_keys=True).encode()


@dataclass(frozen=True)
class Answer:
    """What came back: the text, why it ended there, and who says to have written it."""

    about: str
    text: str
    finish_reason: str | None
    model: str | None


class Kept:
    """Answers by the hash of their request, in a file that only grows; a line that a crash cut short is as good as none."""

    def __init__(self, path: Path):
        self.path = path
        self.answers: dict[str, Answer] = {}
        content = path.read_bytes() if path.exists() else b""
        self._torn = not content.endswith(b"\n") and content != b""
        for line in content.splitlines():
            try:
                read = json.loads(line)
                self.answers[read["request"]] = Answer(**read["answer"])
            except (ValueError, KeyError, TypeError):
                continue

    def add(self, answers: dict[str, Answer]) -> None:
        """On the disk when this returns."""
        if not answers:
            return
        lines = "".join(json.dumps({"request": key, "answer": asdict(answer)}) + "\n" for key, answer in answers.items())
        with open(self.path, "ab") as file:
            file.write(b"\n" * self._torn + lines.encode())
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self.answers |= answers


class Asker:
    """`Asker(endpoint, "captioner", path, job)(questions)` -> an answer to each; `path` is where they are kept.

    `progress` tells how many are there of how many: for when nothing else goes on.
    """

    def __init__(self, endpoint: Endpoint, role: str, path: Path, job: Job, progress: bool = False):
        self.endpoint, self.role, self.job, self.progress = endpoint, role, job, progress
        self.kept = Kept(path)
        self._line = _Line(endpoint)

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        keys = [hashlib.sha256(question.body(self.endpoint)).hexdigest() for question in questions]
        missing = {key: question for key, question in zip(keys, questions) if key not in self.kept.answers}
        if missing:
            self._ask(missing)
        return [self.kept.answers[key] for key in keys]

    def _ask(self, missing: dict[str, Question]) -> None:
        """Threads ask, this one writes; they are daemons, so that a job told to stop need not wait for a server."""
        asked: queue.SimpleQueue[tuple[str, Question]] = queue.SimpleQueue()
        for item in missing.items():
            asked.put(item)
        came: queue.SimpleQueue[tuple[str, Answer] | Exception | str] = queue.SimpleQueue()
        leave = threading.Event()
        for _ in range(min(self.endpoint.concurrency, len(missing))):
            threading.Thread(target=self._line.work, args=(asked, came, leave), daemon=True).start()
        before, told = len(self.kept.answers), set()
        try:
            while len(self.kept.answers) - before < len(missing):
                news = _all_of(came, POLL_SECONDS)
                self.kept.add(dict(each for each in news if isinstance(each, tuple)))
                for each in news:
                    if isinstance(each, Exception):
                        raise self._failed(each)
                    # One of a kind: the words behind the colon may differ every time.
                    if isinstance(each, str) and (kind := each.partition(":")[0]) not in told:
                        told.add(kind)
                        self.job.log("warn", f"{self._whose} {each}. It is asked again.")
                if self.progress and news:
                    self.job.progress(len(self.kept.answers) - before, len(missing), "answers")
                self.job.exit_if_stopping()
        finally:
            leave.set()
            self.kept.add(dict(each for each in _all_of(came, 0) if isinstance(each, tuple)))

    @property
    def _whose(self) -> str:
        return f"The endpoint of `{self.role}`, {self.endpoint.host},"

    def _failed(self, error: Exception) -> Exception:
        if not isinstance(error, _Refused):
            return error
        return JobError(f"{self._whose} {error}. Answers kept, which nobody is asked for again: {len(self.kept.answers)}.", error.fix)


def _all_of(came: queue.SimpleQueue, seconds: float) -> list[Any]:
    """What has come, after waiting so long for the first."""
    news = []
    try:
        news.append(came.get(timeout=seconds) if seconds else came.get_nowait())
        while True:
            news.append(came.get_nowait())
    except queue.Empty:
        return news


class _Passing(Exception):
    """Worth another try; `wait` is how many seconds the server asks for."""

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


class _Refused(Exception):
    """Not worth another try."""

    def __init__(self, message: str, fix: str):
        super().__init__(message)
        self.fix = fix


class _NoDetour(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key to another host, and turn the POST into a GET."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _Line:
    """The way to the server, shared by the threads: what one is told about waiting holds for all."""

    def __init__(self, endpoint: Endpoint):
        self.endpoint = endpoint
        self._key = endpoint.key()
        self._opener = urllib.request.build_opener(_NoDetour)
        self._closed_until = 0.0

    def work(self, asked: queue.SimpleQueue, came: queue.SimpleQueue, leave: threading.Event) -> None:
        try:
            while not leave.is_set():
                key, question = asked.get_nowait()
                answer = self._patiently(question, came, leave)
                if answer is not None:
                    came.put((key, answer))
        except queue.Empty:
            pass
        except Exception as error:
            came.put(error)

    def _patiently(self, question: Question, came: queue.SimpleQueue, leave: threading.Event) -> Answer | None:
        """The answer, or None where there is no time left to get it."""
        body = question.body(self.endpoint)
        pause = FIRST_PAUSE_SECONDS
        for number in range(1, TRIES + 1):
            if leave.wait(max(0.0, self._closed_until - time.monotonic())):
                return None
            try:
                return _answer_in(self._post(body), question.about)
            except _Passing as trouble:
                if number == TRIES:
                    fix = "Run the same command again once it answers: it goes on from what is kept."
                    raise _Refused(f"{trouble} to the last of {TRIES} tries", fix) from None
                came.put(str(trouble))
                self._closed_until = max(self._closed_until, time.monotonic() + trouble.wait)
                # Jitter, so that threads which were refused together do not come back together.
                if leave.wait(pause * random.uniform(0.5, 1)):
                    return None
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "User-Agent": "pipe"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(f"{self.endpoint.url.rstrip('/')}/chat/completions", body, headers, method="POST")
        seconds = self.endpoint.timeout_seconds
        deadline = time.monotonic() + seconds
        try:
            with self._opener.open(request, timeout=seconds) as response:
                return _content(response, deadline, seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise self._of_status(error, deadline) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._of_connection(error) from None

    def _of_status(self, error: urllib.error.HTTPError, deadline: float) -> Exception:
        status = error.code
        said = f"answered {status} ({http.client.responses.get(status, 'no status that we know')})"
        if status in (401, 403):  # without its words: some quote the key
            variable = self.endpoint.key_env
            fix = f"Set {variable} to a key that may use it." if variable else "Name the environment variable with its key in `key_env`."
            return _Refused(said, fix)
        if 300 <= status < 400:
            return _Refused(said, "Give the address that it has moved to as `url`; redirects are not followed.")
        said += self._words(error, deadline)
        if status in _PASSING or status >= 500:
            wait = _retry_after(error.headers.get("Retry-After"))
            if wait > LONGEST_ASKED_PAUSE_SECONDS:
                return _Refused(f"{said} and asks to wait for {wait:.0f} seconds", "Run the same command again then.")
            return _Passing(said, wait)
        if status == 404:
            return _Refused(said, "Look at `url`, which ends where /chat/completions begins, such as https://host/v1, and at `model`.")
        return _Refused(said, "Look at `model`, `max_tokens` and what the server can do: it must read pictures for `captioner`.")

    def _words(self, error: urllib.error.HTTPError, deadline: float) -> str:
        """The beginning of what the server says about it, less the key."""
        try:
            text = _content(error, deadline, self.endpoint.timeout_seconds).decode(errors="replace")
        except (_Passing, OSError, http.client.HTTPException):
            return ""
        if self._key is not None:
            text = text.replace(self._key, "…")
        text = " ".join(text.split())
        return f": {text[:QUOTED_CHARACTERS]}" if text else ""

    def _of_connection(self, error: Exception) -> Exception:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            fix = "Look at `url`, or name the authority to trust in SSL_CERT_FILE."
            return _Refused(f"has a certificate that can't be trusted ({reason.verify_message})", fix)
        if isinstance(reason, TimeoutError):
            return _Passing(f"was silent for {self.endpoint.timeout_seconds:g} seconds")
        return _Passing(f"could not be reached, or broke off ({type(reason).__name__})")


def _content(response: Any, deadline: float, seconds: float) -> bytes:
    """The body, in bounded time and space: each read has its own limit of time, which a trickle never meets."""
    content = bytearray()
    while piece := response.read1(1 << 16):
        content += piece
        if len(content) > LARGEST_ANSWER_BYTES:
            raise _Passing(f"answered with more than {LARGEST_ANSWER_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise _Passing(f"had not finished its answer after {seconds:g} seconds")
    return bytes(content)


def _answer_in(content: bytes, about: str) -> Answer:
    try:
        completion = json.loads(content)
        choice = completion["choices"][0]
        text, finish, model = choice["message"].get("content"), choice.get("finish_reason"), completion.get("model")
        # An answer without content is one without a caption; some servers have none where they refuse.
        return Answer(about, "" if text is None else _string(text), finish and _string(finish), model and _string(model))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _Passing(f"answered with something that is no chat completion ({len(content)} bytes)") from None


def _string(value: Any) -> str:
    """Half a surrogate pair, which JSON can say, is no text that could be written down."""
    if not isinstance(value, str):
        raise TypeError
    return value.encode(errors="replace").decode()


def _retry_after(header: str | None) -> float:
    """Seconds from now, of a header that has seconds or a date; 0 where it says neither."""
    if header is None:
        return 0.0
    try:
        seconds = float(header) if header.strip().isdecimal() else email.utils.parsedate_to_datetime(header).timestamp() - time.time()
    except ValueError:
        return 0.0
    return max(0.0, seconds)
