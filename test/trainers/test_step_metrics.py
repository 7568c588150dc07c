"""The metrics of a step at the edges: nothing left to learn, and numbers that are not finite."""

import math

import pytest
import torch
from conftest import SFT, prepare, result

from trainers import sft
from trainers.job import JobError, main
from trainers.losses import StepLosses
from trainers.step_metrics import require_finite, step_metrics


@pytest.mark.parametrize("weight, loss_p, loss_r", [(1.0, 0.0, 0.7), (0.3, 0.0, 0.0)])
def test_a_weighted_loss_of_nothing_is_shared_evenly(weight, loss_p, loss_r):
    """A caption that is learned by heart has a cross-entropy of exactly 0 in float32."""
    values = step_metrics(1, StepLosses(loss_p, loss_r, weight, 0.0, 0.0), 2, 8, 0.0)
    assert (values["loss_share_p"], values["grad_share_p"]) == (0.5, 0.5)
    assert step_metrics(1, StepLosses(0.1, 0.3, 0.5), 2, 8, 0.0)["loss_share_p"] == pytest.approx(0.25)


@pytest.mark.parametrize("loss_p, loss_r, norm", [(math.nan, 1.0, 1.0), (1.0, math.inf, 1.0), (1.0, 1.0, math.inf), (1.0, 1.0, math.nan)])
def test_a_number_that_is_not_finite_fails(loss_p, loss_r, norm):
    require_finite(3, StepLosses(1.0, 1.0, 0.5), 1.0)
    with pytest.raises(JobError, match="Step 3 was not finite"):
        require_finite(3, StepLosses(loss_p, loss_r, 0.5), norm)


def test_a_gradient_that_is_not_finite_fails_before_the_weights_change(dataset, tmp_path, monkeypatch):
    """Finite losses may have such a gradient, which would make every weight NaN in the last step, too."""
    stepped = []
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: torch.tensor(math.inf))
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: stepped.append(self))
    job = prepare(tmp_path / "job", SFT | {"steps": 1}, data=dataset)
    assert main(sft.work, [str(job)]) == 1
    assert "gradient norm inf" in result(job)["message"] and "learning_rate" in result(job)["fix"]
    assert not stepped
