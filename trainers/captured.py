"""A computation on a GPU as one CUDA graph: launching the kernels of a micro model one by one takes longer than running them."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls in which kernels are chosen and an optimiser within the function makes its state


class Captured:
    """`function` of tensors with fixed shapes; the next call overwrites the result.

    The first `warm_up` calls run the function on a side stream, as capturing requires; the next call records it and later calls replay
    it. Each call has the effects of the function exactly once. Computations that never run at the same time may share their memory, a
    `graph_pool_handle`; the next call of any of them then overwrites the result.
    """

    def __init__(
        self, function: Callable[..., Tensor], device: torch.device, memory: "torch.cuda._POOL_HANDLE | None" = None, warm_up: int = WARM_UP
    ):
        self.function, self.device, self.memory, self.warm_up = function, device, memory, warm_up
        self.calls = 0
        self.arguments: list[Tensor] = []
        self.graph: torch.cuda.CUDAGraph | None = None
        self.given: Tensor | None = None

    def __call__(self, *arguments: Tensor) -> Tensor:
        if not self.arguments:
            self.arguments = [torch.empty_like(argument, device=self.device) for argument in arguments]
        for mine, theirs in zip(self.arguments, arguments, strict=True):
            mine.copy_(theirs, non_blocking=True)  # from ordinary memory it is read before this returns
        self.calls += 1
        if self.calls <= self.warm_up:
            return self._beside()
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, pool=self.memory):
                self.given = self.function(*self.arguments)
        self.graph.replay()
        assert self.given is not None  # recorded with the graph
        return self.given

    def _beside(self) -> Tensor:
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            given = self.function(*self.arguments)
        torch.cuda.current_stream().wait_stream(beside)
        return given
