"""AdamW that updates only the touched rows of tables with sparse gradients, in one optimiser with the dense rest.

Shapes: R rows of a table, D width, U rows touched in a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class RowAdamW(torch.optim.AdamW):
    """AdamW; a parameter with a sparse gradient keeps one second moment a row and moves its touched rows alone.

    The row's second moment is the mean of the squared gradient over D (the partial row-wise Adam of FBGEMM), so that
    a table of R x D needs R * (D + 1) numbers of state. Sparse tables are not decayed. One optimiser for both kinds
    leaves Lightning's schedule, clipping and checkpoints as they are.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every parameter that has a gradient; sparse gradients are used up."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None and table.grad.is_sparse:
                    self._move_rows(table, group)
                    table.grad = None
        super().step()
        return loss

    @torch.no_grad()
    def _move_rows(self, table: Tensor, group: dict[str, Any]) -> None:
        state = self.state[table] or self._start(table)
        state["step"] += 1
        step, (beta1, beta2) = float(state["step"]), group["betas"]
        gradient = _coalesced(table)
        rows, values = gradient.indices()[0], gradient.values()
        first = state["exp_avg"][rows].lerp_(values, 1 - beta1)
        second = state["exp_avg_sq"][rows].lerp_(values.square().mean(dim=1), 1 - beta2)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = first, second
        size = (second / (1 - beta2**step)).sqrt_().add_(group["eps"]).unsqueeze(1)
        table.index_add_(0, rows, first / size, alpha=-float(group["lr"]) / (1 - beta1**step))

    def _start(self, table: Tensor) -> dict[str, Tensor]:
        self.state[table] = {
            "step": torch.tensor(0.0),
            "exp_avg": torch.zeros_like(table),
            "exp_avg_sq": table.new_zeros(len(table)),
        }
        state: dict[str, Tensor] = self.state[table]
        return state


@torch.no_grad()
def clip_norm(parameters: Iterable[nn.Parameter], largest: float) -> Tensor:
    """Scale all gradients, sparse ones among them, to a common norm of at most `largest`; returns the norm before."""
    gradients = [
        _coalesced(parameter).values() if parameter.grad.is_sparse else parameter.grad
        for parameter in parameters
        if parameter.grad is not None
    ]
    norm = torch.nn.utils.get_total_norm(gradients)
    share = (largest / (norm + 1e-6)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(share)
    return norm


def _coalesced(table: Tensor) -> Tensor:
    """The sparse gradient with each row once; it takes the place of the one that named rows repeatedly."""
    assert table.grad is not None
    if not table.grad.is_coalesced():
        table.grad = table.grad.coalesce()
    return table.grad
