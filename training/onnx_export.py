"""Turns trained modules into ONNX, so that serving needs no torch."""

from __future__ import annotations

import io
import logging
import warnings

import torch
from torch import Tensor, nn
from torch.export import Dim

from ranking.model import RankingHead
from towers.ensemble import Ensemble, UserTowers
from towers.user_tower import UserInput
from training.served_bias import for_serving

OPSET = 20


class _UserGraph(nn.Module):
    """The user towers with their tensors as plain arguments, which is what ONNX knows."""

    def __init__(self, towers: UserTowers) -> None:
        super().__init__()
        self.towers = towers

    def forward(
        self, tokens: Tensor, actions: Tensor, shares: Tensor, age_s: Tensor, lengths: Tensor, context: Tensor
    ) -> Tensor:
        user: Tensor = self.towers(UserInput(tokens, actions, shares, age_s, lengths), context)
        return user


def user_tower_onnx(towers: Ensemble) -> bytes:
    """The user towers for any batch size and history length."""
    served = [for_serving(pair.user) for pair in towers.pairs]
    tower = served[0]
    dim, num_context = len(served) * tower.action.embedding_dim, len(tower.context.embeddings)
    size, length = 2, 7
    ints = torch.ones(size, length, dtype=torch.int64)
    arguments = (
        torch.randn(size, length, dim),
        ints,
        torch.zeros_like(ints),
        torch.rand(size, length),
        torch.tensor([length, 3]),
        torch.zeros(size, num_context, dtype=torch.int64),
    )
    b, n = Dim("batch"), Dim("length", min=1, max=tower.max_length)
    shapes = ({0: b, 1: n}, {0: b, 1: n}, {0: b, 1: n}, {0: b, 1: n}, {0: b}, {0: b})
    names = ["tokens", "actions", "shares", "age_s", "lengths", "context"]
    return _export(_UserGraph(UserTowers(served)), arguments, names, "user", shapes)


def ranker_onnx(head: RankingHead, dim: int) -> bytes:
    """The ranking head for one request with any number of candidates, whose vectors have `dim` numbers."""
    arguments = (
        torch.randn(head.request_scaler.mean.numel()),
        torch.randn(3, head.candidate_scaler.mean.numel()),
        torch.randn(3, dim),
    )
    k = Dim("k")
    names = ["request", "candidates", "vectors"]
    return _export(head.eval(), arguments, names, "logits", ({}, {0: k}, {0: k}))


def _export(
    module: nn.Module, arguments: tuple[Tensor, ...], inputs: list[str], output: str, shapes: tuple[dict[int, Dim], ...]
) -> bytes:
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            arguments,
            input_names=inputs,
            output_names=[output],
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    buffer = io.BytesIO()
    program.save(buffer)  # type: ignore[union-attr, arg-type]
    return buffer.getvalue()
