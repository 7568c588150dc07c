"""A model behind an OpenAI-compatible endpoint: POST to `<url>/chat/completions`, greedy (temperature 0).

Transient failures (429, 408, 425, 5xx, a broken connection, a timeout, an answer that is no completion) are retried with exponential
backoff, TRIES attempts in all; any other failure ends the job at once. The key is read from the environment and sent in one header. No
file, log or message contains it. asker.py keeps the answers.
"""

import base64
import email.utils
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
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from trainers.job import JobError

TRIES = 8
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 900.0  # a server that asks for a longer pause fails the job
LARGEST_ANSWER_BYTES = 4 << 20
QUOTED_CHARACTERS = 300

ROLES = ("captioner", "solver")
_ADDRESS = ("url", "key_env", "concurrency", "timeout_seconds")
_TRANSIENT = {408, 425, 429}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as in the stages' params; `key_env` names the environment variable with the key, None without a key."""

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
    """The params without those of an endpoint that can't change an answer; roles without an endpoint are left out."""
    roles = {name: params[name] for name in ROLES}
    absent = {name for name, role in roles.items() if role is None}
    kept = {name: {key: role[key] for key in role if key not in _ADDRESS} for name, role in roles.items() if role is not None}
    return {name: kept.get(name, value) for name, value in params.items() if name not in absent}


@dataclass(frozen=True)
class Question:
    """One user turn: a text, below a picture (the bytes of a PNG) if there is one; `about` names the subject for readers."""

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
    """A response: its text, why it ended there, and the model that the server names."""

    about: str
    text: str
    finish_reason: str | None
    model: str | None


class Transient(Exception):
    """A failure to retry; `wait` is the pause in seconds that the server asks for."""

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


class Refused(Exception):
    """A failure that a retry would not change."""

    def __init__(self, message: str, fix: str):
        super().__init__(message)
        self.fix = fix


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: one would send the key to another host and turn the POST into a GET."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Connection:
    """Sends questions to the endpoint, from several threads: a pause that the server asks one thread for holds for all."""

    def __init__(self, endpoint: Endpoint):
        self.endpoint = endpoint
        self._key = endpoint.key()
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._closed_until = 0.0

    def work(self, questions: queue.SimpleQueue, news: queue.SimpleQueue, stop: threading.Event) -> None:
        """A thread's work: puts answers, warnings (text) and the failure that ends it into `news`, until there are no questions."""
        try:
            while not stop.is_set():
                key, question = questions.get_nowait()
                answer = self._answer(question, news, stop)
                if answer is not None:
                    news.put((key, answer))
        except queue.Empty:
            pass
        except Exception as error:
            news.put(error)

    def _answer(self, question: Question, news: queue.SimpleQueue, stop: threading.Event) -> Answer | None:
        """The answer; None if the job stops first."""
        body = question.body(self.endpoint)
        pause = FIRST_PAUSE_SECONDS
        for number in range(1, TRIES + 1):
            if stop.wait(max(0.0, self._closed_until - time.monotonic())):
                return None
            try:
                return _answer_in(self._post(body), question.about)
            except Transient as failure:
                if number == TRIES:
                    fix = "Run the same command again once it answers: it continues from the answers kept."
                    raise Refused(f"{failure} to the last of {TRIES} attempts", fix) from None
                news.put(str(failure))
                self._closed_until = max(self._closed_until, time.monotonic() + failure.wait)
                # Jitter keeps threads that failed together from retrying together.
                if stop.wait(pause * random.uniform(0.5, 1)):
                    return None
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        raise AssertionError("the last attempt returns or raises")

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
                raise self._status_failure(error, deadline) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._connection_failure(error) from None

    def _status_failure(self, error: urllib.error.HTTPError, deadline: float) -> Exception:
        status = error.code
        said = f"answered {status} ({http.client.responses.get(status, 'unknown status')})"
        if status in (401, 403):  # without the server's text: some servers quote the key
            variable = self.endpoint.key_env
            fix = f"Set {variable} to a key with access." if variable else "Name the environment variable that holds the key in `key_env`."
            return Refused(said, fix)
        if 300 <= status < 400:
            return Refused(said, "Set `url` to the address that it redirects to; redirects are not followed.")
        said += self._quote(error, deadline)
        if status in _TRANSIENT or status >= 500:
            wait = retry_after(error.headers.get("Retry-After"))
            if wait > LONGEST_RETRY_AFTER_SECONDS:
                return Refused(f"{said} and asks to wait for {wait:.0f} seconds", "Run the same command again after that time.")
            return Transient(said, wait)
        if status == 404:
            return Refused(said, "Check `url`, the part before /chat/completions, such as https://host/v1, and `model`.")
        return Refused(said, "Check `model`, `max_tokens` and the server: a `captioner` must accept pictures.")

    def _quote(self, error: urllib.error.HTTPError, deadline: float) -> str:
        """The beginning of the server's text, without the key."""
        try:
            text = _content(error, deadline, self.endpoint.timeout_seconds).decode(errors="replace")
        except (Transient, OSError, http.client.HTTPException):
            return ""
        if self._key is not None:
            text = text.replace(self._key, "…")
        text = " ".join(text.split())
        return f": {text[:QUOTED_CHARACTERS]}" if text else ""

    def _connection_failure(self, error: Exception) -> Exception:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            fix = "Check `url`, or name a file with the trusted authority in SSL_CERT_FILE."
            return Refused(f"has an untrusted certificate ({reason.verify_message})", fix)
        if isinstance(reason, TimeoutError):
            return Transient(f"sent nothing for {self.endpoint.timeout_seconds:g} seconds")
        return Transient(f"could not be reached, or broke the connection ({type(reason).__name__})")


def _content(response: Any, deadline: float, seconds: float) -> bytes:
    """The body, bounded in time and size: a server that sends a byte at a time never reaches the time limit of one read."""
    content = bytearray()
    while piece := response.read1(1 << 16):
        content += piece
        if len(content) > LARGEST_ANSWER_BYTES:
            raise Transient(f"answered with more than {LARGEST_ANSWER_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise Transient(f"had not finished its answer after {seconds:g} seconds")
    return bytes(content)


def _answer_in(content: bytes, about: str) -> Answer:
    try:
        completion = json.loads(content)
        choice = completion["choices"][0]
        text, finish, model = choice["message"].get("content"), choice.get("finish_reason"), completion.get("model")
        # Some servers leave the content out when the model declines; that is an answer without a caption.
        return Answer(about, "" if text is None else _string(text), finish and _string(finish), model and _string(model))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Transient(f"answered with {len(content)} bytes that are no chat completion") from None


def _string(value: Any) -> str:
    """The text with lone surrogates, which JSON allows and UTF-8 does not, replaced."""
    if not isinstance(value, str):
        raise TypeError
    return value.encode(errors="replace").decode()


def retry_after(header: str | None) -> float:
    """Seconds from now by a Retry-After header of seconds or a date; 0 without either."""
    if header is None:
        return 0.0
    try:
        seconds = float(header) if header.strip().isdecimal() else email.utils.parsedate_to_datetime(header).timestamp() - time.time()
    except ValueError:
        return 0.0
    return max(0.0, seconds)
