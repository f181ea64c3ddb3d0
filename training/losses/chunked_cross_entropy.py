"""Cross-entropy over the whole catalogue in chunks of positions, gradients made in the same pass, partly in bfloat16.

Shapes: P positions, N items, D embedding, C positions of a chunk.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor


def chunked_cross_entropy(inputs: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    """Mean cross-entropy of inputs [P, D] against weight [N, D]; logits and loss in single precision.

    Only the products that make the gradients take bfloat16, where the processor is twice as fast: the softmax enters
    them as weights between 0 and 1, whose rounding changes the gradient by less than a thousandth.
    """
    return cast(Tensor, _ChunkedCrossEntropy.apply(inputs, weight, target, chunk))  # type: ignore[no-untyped-call]


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
        """Loss; the gradients are kept for `backward`."""
        columns, low = weight.T.contiguous(), weight.bfloat16()
        grad_inputs, grad_weight = torch.empty_like(inputs), torch.zeros_like(weight)
        normaliser = inputs.new_empty(len(inputs))
        logits = inputs.new_empty(min(chunk, len(inputs)), len(weight))
        for start in range(0, len(inputs), chunk):
            part, stop = inputs[start : start + chunk], min(start + chunk, len(inputs))
            block = torch.mm(part, columns, out=logits[: len(part)])
            largest = block.amax(dim=1, keepdim=True)
            unnormed = block.sub_(largest).exp_()
            total = unnormed.sum(dim=1, keepdim=True)
            normaliser[start:stop] = (largest + total.log()).squeeze(1)
            likely = unnormed.bfloat16()
            grad_inputs[start:stop] = (likely @ low).float() / total
            grad_weight += (likely.T @ (part / total).bfloat16()).float()
        right = weight[target]
        grad_inputs -= right
        grad_weight.index_add_(0, target, inputs, alpha=-1)
        ctx.save_for_backward(grad_inputs, grad_weight)
        return (normaliser - (inputs * right).sum(dim=1)).mean()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """The kept gradients, scaled."""
        grad_inputs, grad_weight = ctx.saved_tensors
        scale = grads[0] / len(grad_inputs)
        return grad_inputs * scale, grad_weight * scale, None, None
