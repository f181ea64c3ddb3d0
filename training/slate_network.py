"""The slate model with gradients; `ranking.slates` is what it becomes.

Shapes: B requests of a step, I slots of them, L history, D embedding, R item rows, F content features, C context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ranking.slates import PRIOR_EVENTS, SHARPNESS, SlateModel
from towers.history import NUM_ACTIONS, NUM_SHARE_BUCKETS, Action
from towers.vocabulary import NUM_RESERVED


class SlateBatch(NamedTuple):
    """rows, actions, shares: int64 [B, L], newest last, 0 where padded; context: int64 [B, C]. request: int64 [I],
    place of the slot's request in the batch; items: int64 [I]; labels: float32 [I] in [0, 1].
    """

    rows: Tensor
    actions: Tensor
    shares: Tensor
    context: Tensor
    request: Tensor
    items: Tensor
    labels: Tensor


class SlateNetwork(nn.Module):
    """Reads batches of slates."""

    @dataclass(frozen=True)
    class Config:
        """`dim` of the vectors, number of kinds of viewers; the `max_length` newest events of a history are read."""

        dim: int = 16
        num_kinds: int = 32
        max_length: int = 200

    content: Tensor
    context_offsets: Tensor

    def __init__(self, config: Config, num_rows: int, context_sizes: tuple[int, ...], content: Tensor | None) -> None:
        super().__init__()
        dim = config.dim
        self.max_length = config.max_length
        self.id = nn.Embedding(num_rows, dim)
        self.bias = nn.Parameter(torch.zeros(num_rows))
        self.register_buffer("content", content, persistent=False)
        self.project = None if content is None else nn.Linear(content.shape[1], dim, bias=False)
        self.action_weight = nn.Parameter(torch.ones(NUM_ACTIONS))
        self.share_weight = nn.Parameter(torch.zeros(NUM_SHARE_BUCKETS))
        self.action_token = nn.Embedding(NUM_ACTIONS, dim)
        self.share_token = nn.Embedding(NUM_SHARE_BUCKETS, dim)
        self.kinds = nn.Linear(dim + 1, config.num_kinds)
        self.centres = nn.Linear(config.num_kinds, dim)
        offsets = np.cumsum([0, *context_sizes])
        self.register_buffer("context_offsets", torch.from_numpy(offsets[:-1].copy()), persistent=False)
        self.context = nn.Embedding(int(offsets[-1]), dim)
        for table in (self.id, self.action_token, self.share_token, self.context):
            nn.init.normal_(table.weight, std=0.02)

    def items(self) -> Tensor:
        """Vectors [R, D]; those of the reserved rows are zero."""
        vectors = self.id.weight if self.project is None else self.id.weight + self.project(self.content)
        real: Tensor = vectors * (torch.arange(len(vectors)) >= NUM_RESERVED).unsqueeze(1)
        return real

    def forward(self, batch: SlateBatch) -> Tensor:
        """Log odds [I] that the slots are taken."""
        items = self.items()
        is_real = (batch.actions != Action.PAD).float()
        weight = (self.action_weight[batch.actions] + self.share_weight[batch.shares]) * is_real
        tokens = items[batch.rows] + self.action_token(batch.actions) + self.share_token(batch.shares)
        length = is_real.sum(dim=1, keepdim=True)
        taste = (weight.unsqueeze(2) * tokens).sum(dim=1) / (length + PRIOR_EVENTS)
        read = self.kinds(torch.cat([taste, torch.log1p(length) / 4], dim=1))
        moment = self.context(batch.context + self.context_offsets).sum(dim=1)
        viewers = taste + self.centres(F.softmax(SHARPNESS * read, dim=1)) + moment
        odds: Tensor = (viewers[batch.request] * items[batch.items]).sum(dim=1) + self.bias[batch.items]
        return odds

    @torch.no_grad()
    def model(self) -> SlateModel:
        """The same without gradients."""

        def array(values: Tensor) -> NDArray[np.float32]:
            return np.ascontiguousarray(values.detach().numpy(), dtype=np.float32)

        return SlateModel(
            items=array(self.items()),
            bias=array(self.bias),
            action_weight=array(self.action_weight),
            share_weight=array(self.share_weight),
            action_token=array(self.action_token.weight),
            share_token=array(self.share_token.weight),
            kinds=array(self.kinds.weight.T),
            kinds_bias=array(self.kinds.bias),
            centres=array(self.centres.weight.T),
            centres_bias=array(self.centres.bias),
            context=array(self.context.weight),
            context_offsets=self.context_offsets.numpy().astype(np.int64),
            max_length=self.max_length,
        )
