"""Questions to an endpoint, each asked once: answers are kept on disk as they arrive.

An answer is kept under the hash of its request, so a job that is killed and started again asks only for the missing ones. The hash
covers the model, the text and the picture, not the endpoint's address or key.
"""

import hashlib
import queue
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.endpoint import Answer, Connection, Endpoint, Question, Refused
from trainers.job import Job, JobError
from trainers.kept_answers import KeptAnswers

POLL_SECONDS = 0.2


class Asker:
    """`Asker(endpoint, "captioner", path, job)(questions)` returns an answer to each question and keeps the answers in the file `path`.

    `progress` reports the count of answers, for a job that does nothing else meanwhile.
    """

    def __init__(self, endpoint: Endpoint, role: str, path: Path, job: Job, progress: bool = False):
        self.endpoint, self.role, self.job, self.progress = endpoint, role, job, progress
        self.kept = KeptAnswers(path, Answer)
        self._connection = Connection(endpoint)

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        keys = [hashlib.sha256(question.body(self.endpoint)).hexdigest() for question in questions]
        missing = {key: question for key, question in zip(keys, questions) if key not in self.kept.answers}
        if missing:
            self._ask(missing)
        return [self.kept.answers[key] for key in keys]

    def _ask(self, missing: dict[str, Question]) -> None:
        """Threads ask and this one writes. They are daemons, so that a job that stops does not wait for a server."""
        questions: queue.SimpleQueue[tuple[str, Question]] = queue.SimpleQueue()
        for item in missing.items():
            questions.put(item)
        news: queue.SimpleQueue[tuple[str, Answer] | Exception | str] = queue.SimpleQueue()
        stop = threading.Event()
        for _ in range(min(self.endpoint.concurrency, len(missing))):
            threading.Thread(target=self._connection.work, args=(questions, news, stop), daemon=True).start()
        before, warned = len(self.kept.answers), set()
        try:
            while len(self.kept.answers) - before < len(missing):
                arrived = _arrived(news, POLL_SECONDS)
                self.kept.add(dict(each for each in arrived if isinstance(each, tuple)))
                for each in arrived:
                    if isinstance(each, Exception):
                        raise self._failure(each)
                    # Warn once of each kind: the text after the colon may differ every time.
                    if isinstance(each, str) and (kind := each.partition(":")[0]) not in warned:
                        warned.add(kind)
                        self.job.log("warn", f"{self._subject} {each}. It is asked again.")
                if self.progress and arrived:
                    self.job.progress(len(self.kept.answers) - before, len(missing), "answers")
                self.job.exit_if_stopping()
        finally:
            stop.set()
            self.kept.add(dict(each for each in _arrived(news, 0) if isinstance(each, tuple)))

    @property
    def _subject(self) -> str:
        return f"The endpoint of `{self.role}`, {self.endpoint.host},"

    def _failure(self, error: Exception) -> Exception:
        if not isinstance(error, Refused):
            return error
        return JobError(f"{self._subject} {error}. {len(self.kept.answers)} answers are kept and not asked for again.", error.fix)


def _arrived(news: queue.SimpleQueue, seconds: float) -> list[Any]:
    """Everything in the queue, after waiting up to `seconds` for the first item."""
    items = []
    try:
        items.append(news.get(timeout=seconds) if seconds else news.get_nowait())
        while True:
            items.append(news.get_nowait())
    except queue.Empty:
        return items
