"""Cross-entropy over the whole catalogue in chunks of positions, gradients made in the same pass, partly in bfloat16.

Shapes: P positions, N items, D embedding, C positions of a chunk, S seen items.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor


class Precision(NamedTuple):
    """Positions of a chunk, and the type of the two products that make the gradients.

    In bfloat16 a processor is twice as fast: the softmax enters them as weights between 0 and 1, whose rounding
    changes the gradient by less than a thousandth.
    """

    chunk: int
    products: torch.dtype = torch.float32


def chunked_cross_entropy(
    inputs: Tensor, weight: Tensor, target: Tensor, precision: Precision, seen: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of inputs [P, D] against weight [N, D]; logits and loss in single precision.

    Items seen [P, S] (negative where there is none) are no alternatives to the target of their position.
    """
    loss = _ChunkedCrossEntropy.apply(inputs, weight, target, precision, seen)  # type: ignore[no-untyped-call]
    return cast(Tensor, loss)


def _leave_out(logits: Tensor, target: Tensor, seen: Tensor) -> None:
    """Take the seen items [C, S] out of logits [C, N] in place, but for the target [C]."""
    own = target.unsqueeze(1)
    right = logits.gather(1, own)
    logits.scatter_(1, torch.where(seen < 0, own, seen), -torch.inf)
    logits.scatter_(1, own, right)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, target: Tensor, precision: Precision, seen: Tensor | None
    ) -> Tensor:
        """Loss; the gradients are kept for `backward`."""
        chunk, products = precision
        columns, low = weight.T.contiguous(), weight.to(products)
        grad_inputs, grad_weight = torch.empty_like(inputs), torch.zeros_like(weight)
        normaliser = inputs.new_empty(len(inputs))
        logits = inputs.new_empty(min(chunk, len(inputs)), len(weight))
        for start in range(0, len(inputs), chunk):
            part, stop = inputs[start : start + chunk], min(start + chunk, len(inputs))
            block = torch.mm(part, columns, out=logits[: len(part)])
            if seen is not None:
                _leave_out(block, target[start:stop], seen[start:stop])
            largest = block.amax(dim=1, keepdim=True)
            unnormed = block.sub_(largest).exp_()
            total = unnormed.sum(dim=1, keepdim=True)
            normaliser[start:stop] = (largest + total.log()).squeeze(1)
            likely = unnormed.to(products)
            grad_inputs[start:stop] = (likely @ low).float() / total
            grad_weight += (likely.T @ (part / total).to(products)).float()
        right = weight[target]
        grad_inputs -= right
        grad_weight.index_add_(0, target, inputs, alpha=-1)
        ctx.save_for_backward(grad_inputs, grad_weight)
        return (normaliser - (inputs * right).sum(dim=1)).mean()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """The kept gradients, scaled."""
        grad_inputs, grad_weight = ctx.saved_tensors
        scale = grads[0] / len(grad_inputs)
        return grad_inputs * scale, grad_weight * scale, None, None, None
