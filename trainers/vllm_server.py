"""A vLLM server: `vllm serve` in a process group of its own, used once it has answered.

Started means three things: /health is 200, the list of models has the model, and a first question was answered. Health alone says
little: it stays 200 while the engine is broken, as with a head size that no kernel supports, until the first request.

The server listens on a Unix socket in a temporary directory, so no port can be taken by another and nobody else reaches it; or on a
port of the loopback address, for clients that know no such sockets. Leaving the `with` block ends its process group: a killed API
server would leave an engine and workers with gigabytes of memory. If the job itself is killed, its reaper (executors/reaper.py) ends
them.
"""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from trainers.job import JobError
from trainers.vllm_environment import vllm_variables

HOST = "127.0.0.1"
NAME = "model"  # under which a model is served
POLL_SECONDS = 0.2
ANSWER_SECONDS = 1800.0  # a request that takes longer has been lost
DEATH_SECONDS = 20.0  # from an engine's death to that of its API server
GRACE_SECONDS = 10.0  # from TERM to KILL
QUOTED_CHARACTERS = 400

# The type and text of an exception in vLLM's log, after its marks of process, level and time; tracebacks end so.
_EXCEPTION = re.compile(r"^(?:\([^)]*\) )?(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\] )?((?:\w+\.)*\w*(?:Error|Exception|Failure): .*)")
# Exceptions that only tell of another's.
_CONSEQUENCE = re.compile(r"root cause|EngineDead|EngineCore encountered|Engine core initialization failed|CancelledError")


class UnixConnection(http.client.HTTPConnection):
    """HTTP through a Unix socket."""

    def __init__(self, path: Path, timeout: float):
        super().__init__(HOST, timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class VllmServer:
    """`with VllmServer(…) as server:`, then `server.start(probe)` and `server.ask(question)`.

    `directory` gets its log, which begins with its command; `between` is called while it starts. With a `port` it listens there."""

    def __init__(
        self,
        directory: Path,
        model: Path,
        settings: dict[str, Any],
        start_seconds: float,
        between: Callable[[], None] = lambda: None,
        name: str = NAME,
        port: int | None = None,
    ):
        self.directory, self.start_seconds, self.between, self.name, self.port = directory, start_seconds, between, name, port
        self.log = directory / "vllm.log"
        program = [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve"]
        self._command = [*program, str(model), "--served-model-name", name, *arguments(settings)]

    def __enter__(self) -> "VllmServer":
        self._folder = Path(tempfile.mkdtemp(prefix="pipe-vllm-"))  # the path of a socket has at most 107 bytes
        self._socket = self._folder / "socket"
        place = ["--uds", str(self._socket)] if self.port is None else ["--host", HOST, "--port", str(self.port)]
        command = [*self._command, *place]
        self.log.write_text(f"{shlex.join(command)}\n", encoding="utf-8")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self._signal_group(signal.SIGTERM)
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        # Also after its end: the API server may have died and left the rest.
        self._signal_group(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, probe: dict[str, Any]) -> None:
        """Returns when the server has answered the probe."""
        deadline = time.monotonic() + self.start_seconds
        while not self._has_model():
            self.between()
            if self.process.poll() is not None:
                raise self.death()
            if time.monotonic() > deadline:
                raise self._late_start()
            time.sleep(POLL_SECONDS)
        try:
            self._complete(probe, max(1.0, deadline - time.monotonic()))
        except TimeoutError:
            raise self._late_start() from None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The chat completion. Called by several threads."""
        try:
            return self._complete(question, ANSWER_SECONDS)
        except TimeoutError:
            raise JobError(f"vLLM did not answer a request within {ANSWER_SECONDS:.0f} s.", self._fix) from None

    def _complete(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            status, text = self._exchange("POST", "/v1/chat/completions", json.dumps(question), seconds)
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException):
            raise self.death() from None
        if status >= 500:
            raise self.death()
        if status != 200:
            raise JobError(f"vLLM answered {status}: {text[:QUOTED_CHARACTERS]}", self._fix)
        return json.loads(text)

    def _has_model(self) -> bool:
        """Whether the server is healthy and serves the model."""
        try:
            if self._exchange("GET", "/health", None, 5)[0] != 200:
                return False
            status, text = self._exchange("GET", "/v1/models", None, 5)
        except (OSError, http.client.HTTPException):
            return False
        return status == 200 and any(model["id"] == self.name for model in json.loads(text)["data"])

    def _exchange(self, method: str, path: str, body: str | None, seconds: float) -> tuple[int, str]:
        connection = (
            UnixConnection(self._socket, seconds) if self.port is None else http.client.HTTPConnection(HOST, self.port, timeout=seconds)
        )
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def death(self) -> JobError:
        """The failure of a server that ended, or whose engine did."""
        try:
            code = self.process.wait(DEATH_SECONDS)
            end = f"vLLM was killed by {signal.Signals(-code).name}" if code < 0 else f"vLLM ended with exit code {code}"
        except subprocess.TimeoutExpired:
            end = "vLLM's engine failed"
        return JobError(f"{end}: {cause_in(self._log_text())}", self._fix)

    def _late_start(self) -> JobError:
        last = (self._log_text().strip().splitlines() or ["it is empty"])[-1][:QUOTED_CHARACTERS]
        return JobError(
            f"vLLM did not answer within {self.start_seconds:g} s of its start. The last line of its log: {last}.",
            f"Raise vllm.start_seconds if it only is slow; its log is {self.log}.",
        )

    def _log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def _fix(self) -> str:
        return f"vLLM's log is {self.log}. The same command asks again for what is missing."


def server_settings(config: Any, context: int, at_once: int, gpu_memory: float) -> dict[str, Any]:
    """The settings of `vllm serve`: their names with dashes are its options. None of them is left to the model's files."""
    on_gpu = torch.cuda.is_available()
    return {
        "dtype": "bfloat16" if on_gpu else "float32",
        "max_model_len": min(context, config.get_text_config().max_position_embeddings),
        "max_num_seqs": at_once,
        "seed": 0,
        "generation_config": "vllm",
        "limit_mm_per_prompt": '{"image":1,"video":0}',
        "enable_prefix_caching": False,  # else an answer's last bits depend on the ones before it
        **({"gpu_memory_utilization": gpu_memory} if on_gpu else {"enforce_eager": True}),
    }


def arguments(settings: dict[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        else:
            yield from (f"--{option}", str(value))


def cause_in(log: str) -> str:
    """The last exception in vLLM's log that does not only tell of another."""
    said = [match[1] for match in map(_EXCEPTION.match, log.splitlines()) if match is not None]
    causes = [text for text in said if not _CONSEQUENCE.search(text)] or said
    return causes[-1][:QUOTED_CHARACTERS] if causes else "its log names no error."


def environment() -> dict[str, str]:
    """The server's environment, offline."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, **vllm_variables(torch.cuda.is_available()), "HF_HUB_OFFLINE": "1"}
