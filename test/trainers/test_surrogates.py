import json

import numpy as np
import pytest
import torch

from conftest import SCORER
from trainers.data import Split, read_split
from trainers.micro_policy import MicroPolicy
from trainers.rewards import Judge, reward_name
from trainers.sampling import Rollouts, Sampler, caption_lengths, caption_of
from trainers.scorer import Scorer
from trainers.surrogates import BlindSolver, caption_likelihoods, majority_captions, teacher_captions


def response(edges) -> str:
    near = [any(v in edge for edge in edges) for v in range(3)]
    answer = json.dumps({str(v): "ab"[near[v]] for v in range(3)})
    return f"<caption>{json.dumps(edges)}</caption>\n<answer>{answer}</answer>"


def constructed(groups: list[list[str]]) -> Rollouts:
    texts = [text for group in groups for text in group]
    ones = torch.ones(len(texts), 1, dtype=torch.long)
    return Rollouts(np.arange(len(groups)), len(groups[0]), ones, ones[:, 0], ones[:, 0] * 0, np.ones(len(texts), bool), texts)


TRUTH = [[[0, 1]], [[0, 1], [1, 2]]]
SPLIT = Split(
    np.zeros((2, 32, 32, 1), np.uint8),
    {
        "id": ["one", "two"],
        "task": ["graph-coloring"] * 2,
        "ground_truth": [json.dumps({"edges": edges}) for edges in TRUTH],
        "perception": [json.dumps(edges) for edges in TRUTH],
    },
)
ROLLOUTS = constructed(
    [
        [response([[0, 1]]), response([[1, 2]]), response([[1, 2]]), "no caption"],
        [response([[0, 1]]), response([[1, 2], [0, 1]]), response([[0, 1], [1, 2]]), response([[0, 1], [1, 2]])],
    ]
)


def judged(**how):
    with Scorer(SCORER) as scorer:
        judge = Judge(scorer, SPLIT, **how)
        judge.hand(ROLLOUTS)
        return judge.fetch()


def test_what_is_heard_early_is_judged_alike_and_asked_once(monkeypatch):
    texts = ROLLOUTS.texts
    with Scorer(SCORER) as scorer:
        judge, ask, sent = Judge(scorer, SPLIT), scorer.ask, []

        def recording(lines):
            sent.append([line["response"] for line in lines])
            ask(lines)

        monkeypatch.setattr(scorer, "ask", recording)
        for _ in range(2):  # a batch leaves nothing to the next
            judge.ask_early([1, 0], [texts[4], texts[1]])
            judge.ask_early([1], [texts[6]])
            judge.hand(ROLLOUTS)
            made = judge.fetch()
    usual = judged()
    assert {name: values.tolist() for name, values in made.parts.items()} == {name: values.tolist() for name, values in usual.parts.items()}
    assert made.reasons == usual.reasons
    assert sent == 2 * [[texts[4], texts[1]], [texts[6]], [texts[0], texts[3], texts[5]]]


def test_the_oracle_judges_every_response():
    made = judged()
    assert made.parts["perception"].tolist() == [1, 0, 0, 0, 0, 1, 1, 1]
    assert made.parts["perception_f1"].tolist() == pytest.approx([1, 0, 0, 0, 2 / 3, 1, 1, 1])
    # Two vertices touched are right whichever they are for the answer's letters, so only vertex 0, 1 will do for the first.
    assert made.parts["outcome"].tolist() == [1, 0, 0, 0, 0, 1, 1, 1]
    assert made.parts["consistent"].tolist() == [1, 1, 1, 0, 1, 1, 1, 1]
    assert made.reasons[0] is None and made.reasons[3] == "bad-answer"


def test_consensus_is_agreement_with_what_most_of_the_group_wrote():
    assert majority_captions(ROLLOUTS) == ["[[1, 2]]", "[[0, 1], [1, 2]]"]
    made = judged(consensus=True)
    # A wrong majority is agreed with all the same, and the order of edges is none of its business.
    assert made.parts["consensus"].tolist() == [0, 1, 1, 0, 0, 1, 1, 1]
    assert made.parts["consensus_f1"].tolist() == pytest.approx([0, 1, 1, 0, 2 / 3, 1, 1, 1])


def test_a_group_most_of_which_wrote_no_caption_agrees_on_nothing():
    silent = constructed([["none", "none", response([])]])
    assert majority_captions(silent) == [None]


def test_a_teacher_is_agreed_with_whatever_the_truth_is():
    made = judged(captions=["[[1,2]]", None])
    assert made.parts["teacher"].tolist() == [0, 1, 1, 0, 0, 0, 0, 0]
    assert made.parts["perception"].tolist() == [1, 0, 0, 0, 0, 1, 1, 1]


def test_a_vote_is_the_share_of_captioners_who_agree():
    made = judged(votes=[["[[0,1]]", "[[0,1],[1,2]]"], ["[[1,2]]", None], ["[[1,2]]", "{{"]])
    third = 0.333333  # six digits, as a rollout's line has it
    assert made.parts["vote"].tolist() == [third, 0.666667, 0.666667, 0, 0, third, third, third]
    assert made.parts["vote_f1"].tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 0, 2 / 9, 1 / 3, 1 / 3, 1 / 3], abs=1e-6)
    assert "teacher" not in made.parts


def test_a_vote_beside_a_teacher_leaves_it_alone():
    made = judged(captions=["[[1,2]]", None], votes=[["[[0,1]]", None]])
    assert made.parts["teacher"].tolist() == [0, 1, 1, 0, 0, 0, 0, 0]
    assert made.parts["vote"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def sampled(policy, prompts: int, size: int) -> Rollouts:
    return Sampler(policy, size, 1.5, policy.longest)(np.arange(prompts), np.random.default_rng(0))


def test_a_likelihood_is_the_product_of_the_captions_probabilities(trained, prompts):
    policy = MicroPolicy.load(trained, read_split(prompts, "train_rl"))
    rollouts = sampled(policy, 3, 4)
    made = caption_likelihoods(policy, rollouts, 5)
    lengths = caption_lengths(policy, rollouts)
    with torch.no_grad():
        for index in range(len(rollouts)):
            if lengths[index] == 0:  # sampled, and with other sums another draw: some processors' draws have one without a caption
                assert made[index] == 0
                continue
            tokens = rollouts.tokens[index : index + 1, : int(lengths[index])]
            said = policy.logits(rollouts.rows[index : index + 1], torch.zeros(1, dtype=torch.long), tokens)
            expected = np.prod([float(said[0, place].softmax(-1)[token]) for place, token in enumerate(tokens[0])])
            assert made[index] == pytest.approx(expected, abs=2e-6)
    assert len(set(made.tolist())) > 1 and 0 < made.max() <= 1


def test_equal_captions_of_a_group_are_equally_likely_whatever_stands_beside_them(trained, prompts):
    policy = MicroPolicy.load(trained, read_split(prompts, "train_rl"))
    rollouts = sampled(policy, 2, 8)
    made = caption_likelihoods(policy, rollouts, 3)
    lengths = caption_lengths(policy, rollouts).tolist()
    captions = [(group, tuple(ids[:length])) for group, ids, length in zip(rollouts.group.tolist(), rollouts.tokens.tolist(), lengths)]
    assert len(set(zip(captions, made))) == len(set(captions)) < len(captions)
    assert caption_likelihoods(policy, rollouts, 100).tolist() == pytest.approx(made.tolist(), abs=2e-6)


def test_a_response_without_a_caption_has_no_likelihood(trained, prompts):
    policy = MicroPolicy.load(trained, read_split(prompts, "train_rl"))
    texts = ["<caption>[]</caption>", "no caption"]
    tokens = torch.zeros(2, 12, dtype=torch.long)
    lengths = []
    for row, ids in zip(tokens, policy.encode(texts)):
        row[: len(ids)] = torch.tensor(ids)
        lengths.append(len(ids))
    none = Rollouts(np.array([0]), 2, tokens, torch.tensor(lengths), torch.zeros(2, dtype=torch.long), np.ones(2, bool), texts)
    made = caption_likelihoods(policy, none, 4)
    assert made[0] > 0 and made[1] == 0


def test_an_unreadable_teacher_is_agreed_with_by_nobody():
    made = judged(captions=["{{", "[[0,1]]"])
    assert made.parts["teacher"].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    assert made.parts["teacher_f1"].tolist() == pytest.approx([0, 0, 0, 0, 1, 2 / 3, 2 / 3, 2 / 3])


def test_blind_solve_rewards_what_the_caption_leads_to():
    def solver(rollouts):
        captions = [caption_of(text) for text in rollouts.texts]
        return [None if caption is None else response(json.loads(caption)) for caption in captions]

    made = judged(solver=solver)
    assert made.parts["blind_solve"].tolist() == [1, 0, 0, 0, 0, 1, 1, 1]


def test_the_blind_solver_sees_no_picture(trained, prompts, monkeypatch):
    split = read_split(prompts, "train_rl")
    policy = MicroPolicy.load(trained, split)
    blank, which = policy.prompts_without_pictures(np.array([0, 3]))
    assert blank.shape == (1, 32, 32, 3) and which.tolist() == [0, 0]
    assert policy.batched.patches(blank).abs().max() < 0.02  # zero, but for the rounding of a pixel
    solver = BlindSolver(policy, None, lambda: None)
    decode, asked = solver.decoder, []

    def recording(prompts, which, forced):
        asked.append(len(which))
        return decode(prompts, which, forced)

    monkeypatch.setattr(solver, "decoder", recording)
    made = solver(constructed([[response([[0, 1]]), "no caption"], [response([[0, 1], [1, 2]]), response([[0, 1]])]]))
    assert made[0] == made[3] and made[0] is not None and made[0].startswith("<caption>[[0, 1]]</caption>") and made[1] is None
    assert made[2] is not None and made[2].startswith("<caption>[[0, 1], [1, 2]]</caption>") and asked == [2]
    assert solver(constructed([["none", "at all"]])) == [None, None]


def test_a_captioner_is_asked_about_every_picture(trained, prompts):
    split = read_split(prompts, "train_rl")
    captions = teacher_captions(MicroPolicy.load(trained, split), len(split), None, lambda: None)
    assert len(captions) == len(split) and all(caption is not None and caption.startswith("[") for caption in captions)


@pytest.mark.parametrize(
    ("perception", "name"),
    [
        ("oracle", "perception"),
        ("oracle-f1", "perception_f1"),
        ({"surrogate": "teacher", "as": "f1"}, "teacher_f1"),
        ({"surrogate": "consensus", "as": "exact"}, "consensus"),
        ({"surrogate": "blind-solve"}, "blind_solve"),
        ({"surrogate": "vote", "as": "f1"}, "vote_f1"),
        ({"surrogate": "likelihood"}, "likelihood"),
    ],
)
def test_the_parameter_names_a_part(perception, name):
    assert reward_name(perception) == name
