"""Teacher forcing for any image-text model of transformers in supervised fine-tuning, through its policy (hub_policy.py).

A response ends with the token that the chat template writes there (end_tokens.py), and the caption's tags are tokens of the vocabulary:
only then is the border between caption and reasoning one between tokens.
"""

import numpy as np
import torch
from torch import Tensor, nn

from trainers.data import Responses, Split, captions_of, pad, require_captions
from trainers.hub_policy import HubPolicy
from trainers.job import JobError
from trainers.tokenizer import TAGS


class HubForward:
    """The model in training: what forward.py's `Batched` is for a micro Qwen3-VL."""

    has_fixed_shapes = False  # `model.forward` asks for numbers, which a CUDA graph can't

    def __init__(self, policy: HubPolicy):
        self.policy = policy
        self.model, self.device = policy.model, policy.device
        of_text = {*policy.model.get_decoder().parameters(), *policy.model.get_output_embeddings().parameters()}
        self.text = nn.ParameterList(weight for weight in policy.model.parameters() if weight in of_text)
        self.visual = nn.ParameterList(weight for weight in policy.model.parameters() if weight not in of_text)

    def logits(self, rows: Tensor, tokens: Tensor, head: int, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The logits of the first `head` response tokens (B, head, V) and of the others (B, T - head, V); `rows` (B,) of the split.

        Padding is on the right and attention causal, so `lengths` would change nothing.
        """
        said = self.policy.logits(rows.cpu().numpy(), torch.arange(len(rows)), tokens)
        return said[:, :head], said[:, head:]


def encode_responses(policy: HubPolicy, split: Split) -> Responses:
    """As data.py's, by the model's own tokenizer."""
    if any(len(ids) != 1 for ids in policy.encode(TAGS)):
        raise JobError(
            f"The input `model` has no tokens {' and '.join(TAGS)}.",
            "Put a `prepare` stage between the model and this one: `base: { use: prepare, from: { model: … } }`.",
        )
    require_captions(split)
    rows = [[*ids, policy.ends[0]] for ids in policy.encode(split.columns["response"])]
    return Responses(
        tokens=pad(rows, policy.tokenizer.pad_token_id),
        caption_lengths=np.array([len(ids) for ids in policy.encode(captions_of(split))]),
        lengths=np.array([len(row) for row in rows]),
    )
