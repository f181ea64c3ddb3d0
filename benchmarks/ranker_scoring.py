"""CPU of scoring one request's candidates: the served head against the same network evaluated naively.

    python benchmarks/ranker_scoring.py [NUM_CANDIDATES] [NUM_REPEATS]

Naively is: request features repeated beside those of each candidate, one weight matrix over both, torch eager. The
served head works out the request's half once and runs in ONNX Runtime. Both on one thread, equal to 1e-5.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ranking.features import RankerInput
from ranking.model import RankingHead
from serving.scorer import OnnxActionModel
from training.onnx_export import ranker_onnx

NUM_REQUEST, NUM_CANDIDATE, DIM, NUM_ACTIONS = 120, 56, 64, 4


class Naive(nn.Module):
    """The head's own weights over concatenated inputs."""

    def __init__(self, head: RankingHead) -> None:
        super().__init__()
        self.head = head
        first = head.first
        self.weight = torch.cat([first.request.weight, first.candidate.weight, first.vector.weight], dim=1)

    def forward(self, request: Tensor, candidates: Tensor, vectors: Tensor) -> Tensor:
        """Logits [K, A]."""
        head, first = self.head, self.head.first
        repeated = head.request_scaler(request.expand(len(candidates), -1))
        scaled = head.candidate_scaler(candidates)
        hidden = F.linear(torch.cat([repeated, scaled, vectors], dim=1), self.weight, first.request.bias)
        hidden = F.silu(hidden + first.request_factor(repeated) * first.vector_factor(vectors))
        logits: Tensor = candidates[:, :1] * head.scale + head.direct(scaled)
        return logits + F.linear(head.experts[0](hidden), head.heads)


def main(num_candidates: int = 500, num_repeats: int = 300) -> None:
    """Print both times and their ratio."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    head = RankingHead(RankingHead.Config(), NUM_REQUEST, NUM_CANDIDATE, DIM, NUM_ACTIONS).eval()
    nn.init.normal_(head.heads)
    naive = Naive(head)
    rng = np.random.default_rng(0)
    sizes = ((NUM_REQUEST,), (num_candidates, NUM_CANDIDATE), (num_candidates, DIM))
    given = RankerInput(*(rng.normal(size=size).astype(np.float32) for size in sizes))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ranker.onnx"
        path.write_bytes(ranker_onnx(head, DIM))
        served = OnnxActionModel.load(path)
    tensors = [torch.from_numpy(array) for array in given]
    with torch.inference_mode():
        apart = float(np.abs(naive(*tensors).numpy() - served.logits(given)).max())
        of_naive = cpu_us(lambda: naive(*tensors), num_repeats)
        of_served = cpu_us(lambda: served.logits(given), num_repeats)
    print(f"{num_candidates} candidates, {NUM_ACTIONS} actions: largest difference {apart:.1e}")
    print(f"naive {of_naive:.0f} us, served {of_served:.0f} us of CPU: {of_served / of_naive:.2f}x")


def cpu_us(run: Callable[[], object], num_repeats: int) -> float:
    """Median CPU microseconds of a call."""
    times = []
    for _ in range(num_repeats):
        started = time.process_time_ns()
        run()
        times.append(time.process_time_ns() - started)
    return float(np.median(times)) / 1000


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
