"""Where negatives come from: rows drawn in proportion to a power of their training counts, at a cost free of R.

Shapes: N negatives, R vocabulary rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.losses.steps import log_sampling_probability


class NegativeSampler(nn.Module):
    """Draws rows in proportion to counts ** power; power 0 is uniform.

    log_q: float32 [R], the log probability of each row.
    """

    log_q: Tensor
    cumulative: Tensor

    def __init__(self, counts: Tensor, power: float) -> None:
        super().__init__()
        log_q = log_sampling_probability(counts, power)
        cumulative = log_q.double().exp().cumsum(0)
        self.register_buffer("log_q", log_q, persistent=False)
        self.register_buffer("cumulative", cumulative / cumulative[-1], persistent=False)

    def draw(self, *shape: int) -> Tensor:
        """Rows of the shape, with replacement."""
        place = torch.rand(shape, dtype=torch.float64, device=self.cumulative.device)
        return torch.searchsorted(self.cumulative, place, right=True)
