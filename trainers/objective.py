"""The loss that a GRPO update descends along. Over the tokens t of all responses i of a mini-batch it is

    Σ_i Σ_t w_i (loss_it + β D_it)                                       (DeepSeekMath, arXiv 2402.03300, equation 3, as a loss)

  loss_it  `policy_loss`: PPO's clipped loss of a token, with the advantage of its response or of its span
  D_it     `k3` or `exact_kl`: how far the policy is from the reference, the model that the run started from; β is `kl.coefficient`
  w_i      `token_weights`: how much one token of a response counts; `caption_factors` multiplies loss_it of a caption's tokens

Tables are (N, T): a row for each of N responses, a column for each of T tokens; learner.py masks the tokens after a response's
end. "Now" is the policy that is being updated, "old" the same policy when it sampled the responses.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.job import JobError

FARTHEST = 20.0  # bound on differences of log-probabilities, so that their exponentials are finite, as in verl
WIDEST = 10.0  # bound on k3, as in verl


@dataclass(frozen=True)
class Clipping:
    """Bounds on what one token can move the policy.

    The ratio π_now / π_old counts from 1 - `low` to 1 + `high`: 0.2 and 0.2 in PPO (arXiv 1707.06347) and verl, 0.2 and 0.28 in DAPO
    (arXiv 2503.14476), which calls it clip-higher. `dual`, if any, is more than 1: where the advantage A is negative, the loss is at
    most -A `dual`. It is c in dual-clip PPO (arXiv 1912.09729), and 3 in verl.
    """

    low: float
    high: float
    dual: float | None


RATIOS = ("token", "sequence")


def log_ratio(new: Tensor, old: Tensor, mask: Tensor, kind: str) -> Tensor:
    """log π_now / π_old for every token (N, T), from its log-probabilities `new` and `old` (N, T); `mask` (N, T) is true within responses.

      token     the token's own, as in PPO and GRPO
      sequence  the mean over the response's tokens, for each of them: log s_i of GSPO (arXiv 2507.18071, equation 7). With `aggregate:
                sequence-mean` and no dual clip the loss is GSPO's (equation 5).
    """
    difference = new - old
    if kind == "token":
        return difference
    # Padding has rows without tokens.
    mean = (difference * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp_min(1)
    return mean.expand_as(difference)


def policy_loss(difference: Tensor, advantage: Tensor, clipping: Clipping) -> Tensor:
    """The loss of every token (N, T), by its `log_ratio` (N, T) and its advantage (N, 1) or (N, T).

    With r = exp(difference) and A the advantage,

        max(-A r, -A clip(r, 1 - low, 1 + high))      PPO, arXiv 1707.06347, equation 7, with the sign of a loss
        min(that, -A dual)  where A < 0               dual-clip PPO, arXiv 1912.09729, likewise
    """
    ratio = difference.clamp(-FARTHEST, FARTHEST).exp()
    plain = -advantage * ratio
    clipped = -advantage * ratio.clamp(1 - clipping.low, 1 + clipping.high)
    loss = torch.maximum(plain, clipped)
    if clipping.dual is None:
        return loss
    return torch.where(advantage < 0, torch.minimum(loss, -advantage * clipping.dual), loss)


def k3(new: Tensor, reference: Tensor) -> Tensor:
    """An estimate of KL(policy ‖ reference) at every token (N, T), from the log-probabilities that both give to the sampled token alone.

    With d = reference - new it is exp(d) - d - 1: never negative, and right on average over tokens that the policy has sampled. It is
    k3 in Schulman's note "Approximating KL divergence" (joschu.net/blog/kl-approx.html), equation 4 in arXiv 2402.03300, and
    `low_var_kl` in verl.
    """
    distance = (reference - new).clamp(-FARTHEST, FARTHEST)
    return (distance.exp() - distance - 1).clamp(-WIDEST, WIDEST)


def exact_kl(new: Tensor, reference: Tensor) -> Tensor:
    """KL(policy ‖ reference) = Σ_v π(v) (log π(v) - log π_ref(v)) over the vocabulary, at every position (N, T): the very sum that k3
    estimates from one token. Both arguments are log-probabilities (N, T, V)."""
    return (new.exp() * (new - reference)).sum(-1)


KL_KINDS = ("none", "k3", "exact")
AGGREGATES = ("token-mean", "sequence-mean", "constant")


def check_objective(kl: dict[str, Any], aggregate: str, ratio: str) -> None:
    if kl.get("kind") not in KL_KINDS:
        raise JobError(f"There is no divergence {kl}.", f"Use kind {', '.join(KL_KINDS)}.")
    if ratio not in RATIOS:
        raise JobError(f"There is no ratio `{ratio}`.", f"Use {', '.join(RATIOS)}.")
    if aggregate not in AGGREGATES:
        raise JobError(f"There is no aggregation `{aggregate}`.", f"Use {', '.join(AGGREGATES)}.")


def token_weights(lengths: Tensor, aggregate: str, longest: int) -> Tensor:
    """How much one token of each response counts in the loss of a mini-batch (N,), by `lengths` (N,), the tokens of each.

      token-mean     1 / Σ_i lengths_i      every token of the mini-batch the same: DAPO (arXiv 2503.14476) and verl's default
      sequence-mean  1 / (N lengths_i)      every response the same, shared out among its tokens: GRPO as it was first published
                                            (arXiv 2402.03300)
      constant       1 / (N longest)        every token the same and in every mini-batch the same, whatever the lengths are: Dr. GRPO
                                            (arXiv 2503.20783); `longest` is the most tokens that a response may have
    """
    rows = len(lengths)
    if aggregate == "token-mean":
        return torch.full((rows,), 1 / int(lengths.sum()), device=lengths.device)
    if aggregate == "sequence-mean":
        return 1 / (rows * lengths.float())
    return torch.full((rows,), 1 / (rows * longest), device=lengths.device)


def caption_factors(captions: Tensor, lengths: Tensor, weights: Tensor, factor: float) -> Tensor:
    """Factors of the loss of a mini-batch's tokens (N, 2): in captions, and elsewhere.

    A caption's token counts `factor` times another; the sum of all weights Σ_i w_i lengths_i stays. `captions` and `lengths` (N,) count
    tokens; `weights` (N,) as `token_weights` gives them. Our reading of "token reweighting in RL" (arXiv 2605.29496 names it without a formula).
    """
    before = (weights * lengths).sum()
    kept = before / (before + (factor - 1) * (weights * captions).sum())
    return torch.stack([factor * kept, kept]).expand(len(lengths), 2)
