"""The scorer as a co-process: `pipe score`, started once, gets batches and answers in order.

Both directions have a thread of their own, so that neither side ever waits for the other to be read: asking returns at once, the
trainer goes on, and the answers are there when they are wanted.
"""

import json
import queue
import subprocess
import tempfile
import threading
import time
from typing import Any

from trainers.job import JobError

PATIENCE_SECONDS = 300
LAST_WORDS = 2000
AT_ONCE = 128  # lines: the scorer begins while later ones are written out
VERDICT = ("outcome", "perception", "perception_f1", "consistent")


class Scorer:
    """`with Scorer(command) as scorer: scorer.ask(lines); …; answers = scorer.answers()`."""

    def __init__(self, command: list[str]):
        self._words = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words)
        except OSError as error:
            raise JobError(f"The scorer could not be started: {error}.", f"Look at `scorer` in job.json: {command}.") from None
        self._questions: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._expected: list[int] = []  # how many lines each batch has that is not collected yet
        self.waited = 0.0  # seconds in all that somebody stood waiting for answers
        for work in (self._write, self._read):
            threading.Thread(target=work, daemon=True).start()

    def ask(self, lines: list[dict[str, Any]]) -> None:
        """Sends a batch of transcripts in the form that `pipe score` reads, without `id`."""
        self._expected.append(len(lines))
        for start in range(0, len(lines), AT_ONCE):
            some = enumerate(lines[start : start + AT_ONCE], start)
            text = "".join(json.dumps({"id": index, **line}, ensure_ascii=False) + "\n" for index, line in some)
            self._questions.put(text.encode())

    def answers(self) -> list[dict[str, Any]]:
        """The answers to the oldest batch not collected yet, in the order of its lines."""
        began = time.monotonic()
        answers = [self._next(index) for index in range(self._expected.pop(0))]
        self.waited += time.monotonic() - began
        return answers

    def _next(self, index: int) -> dict[str, Any]:
        try:
            line = self._answered.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise JobError(f"The scorer has been silent for {PATIENCE_SECONDS} seconds.", "Run the same command again.") from None
        if line is None:
            raise self._died()
        answer = json.loads(line)
        if answer.get("id") != index:
            raise JobError(f"The scorer answered {line.decode()[:200]!r} where line {index} was due.", "Use the `pipe` of these trainers.")
        return answer

    def _died(self) -> JobError:
        code = self._process.wait()
        self._words.seek(0)
        said = " ".join(self._words.read()[-LAST_WORDS:].decode(errors="replace").split())
        return JobError(
            f"The scorer ended with exit code {code} before it had answered. {said}".strip(),
            "Run the same command again; if it happens again, run `pipe score` by hand on a line of the rollouts.",
        )

    def _write(self) -> None:
        written = self._process.stdin
        assert written is not None  # a pipe
        try:
            while (text := self._questions.get()) is not None:
                written.write(text)
                written.flush()
            written.close()
        except BrokenPipeError:
            pass  # it has died, and `_next` reports it to whoever waits for its answers

    def _read(self) -> None:
        assert self._process.stdout is not None  # a pipe
        for line in self._process.stdout:
            self._answered.put(line)
        self._answered.put(None)

    def __enter__(self) -> "Scorer":
        return self

    def __exit__(self, *_: object) -> None:
        self._questions.put(None)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._words.close()


def oracle_parts(verdict: dict[str, Any]) -> dict[str, float]:
    """The parts of one response, from the scorer's verdict against the ground truth. A verdict that is an error ends the job."""
    if "error" in verdict:
        message = f"The scorer could not judge a response: {verdict['error']}."
        raise JobError(message, "Look at the data set: does each row have the task's ground truth?")
    return {name: float(verdict[name]) for name in VERDICT}
