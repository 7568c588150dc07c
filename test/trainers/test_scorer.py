import signal
import sys

import pytest

from conftest import SCORER, row
from trainers.job import JobError
from trainers.scorer import Scorer

RIGHT = {name: row(1)[name] for name in ("task", "ground_truth", "perception", "response")}
WRONG = RIGHT | {"response": "no idea"}


def test_answers_come_in_the_order_of_the_lines():
    with Scorer(SCORER) as scorer:
        scorer.ask([RIGHT, WRONG])
        scorer.ask([WRONG])
        assert [answer["outcome"] for answer in scorer.answers()] == [True, False]
        assert [answer["outcome"] for answer in scorer.answers()] == [False]


def test_a_batch_far_beyond_what_pipes_hold_is_no_deadlock():
    padded = RIGHT | {"response": RIGHT["response"] + " " * 5000}
    with Scorer(SCORER) as scorer:
        scorer.ask([padded] * 4000)
        scorer.ask([WRONG] * 4000)
        assert all(answer["outcome"] for answer in scorer.answers())
        assert not any(answer["outcome"] for answer in scorer.answers())


def test_a_scorer_that_dies_is_an_error_with_its_last_words():
    with Scorer([*SCORER, "2"]) as scorer:
        scorer.ask([RIGHT] * 3)
        with pytest.raises(JobError) as error:
            scorer.answers()
    assert "exit code 1" in error.value.message and "the scorer has had enough" in error.value.message


def test_a_killed_scorer_is_an_error():
    with Scorer(SCORER) as scorer:
        scorer.ask([RIGHT])
        scorer.answers()
        scorer._process.send_signal(signal.SIGKILL)
        scorer.ask([RIGHT] * 20_000)
        with pytest.raises(JobError, match="exit code -9"):
            scorer.answers()


def test_answers_out_of_order_are_an_error():
    liar = "import sys\nfor line in sys.stdin: print('{\"id\": 7}', flush=True)"
    with Scorer([sys.executable, "-c", liar]) as scorer:
        scorer.ask([RIGHT])
        with pytest.raises(JobError, match="where line 0 was due"):
            scorer.answers()


def test_a_scorer_that_is_not_there_is_an_error():
    with pytest.raises(JobError, match="could not be started"):
        Scorer(["/nowhere/pipe", "score"])
