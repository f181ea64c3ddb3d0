"""The ranking head: retrieval order plus what a small network learns to change about it.

Shapes: K candidates (any leading dimensions), F features, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RankingHead(nn.Module):
    """logits = scale * retrieval score + network(features); the network starts at zero, so training starts at
    retrieval order and each candidate is scored on its own.
    """

    @dataclass(frozen=True)
    class Config:
        """Width of the hidden layers and their number; 0 layers make a linear head."""

        hidden: int = 64
        num_layers: int = 2
        dropout: float = 0.1

    mean: Tensor
    spread: Tensor

    def __init__(self, config: Config, num_features: int, num_actions: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("spread", torch.ones(num_features))
        self.scale = nn.Parameter(torch.full((num_actions,), 20.0))
        layers: list[nn.Module] = []
        width = num_features
        for _ in range(config.num_layers):
            layers += [nn.Linear(width, config.hidden), nn.SiLU(), nn.Dropout(config.dropout)]
            width = config.hidden
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, num_actions)
        self.direct = nn.Linear(num_features, num_actions, bias=False)
        for part in (self.head.weight, self.head.bias, self.direct.weight):
            nn.init.zeros_(part)

    def fit_scaler(self, features: Tensor) -> None:
        """Take mean and spread from features [..., F]."""
        flat = features.reshape(-1, features.shape[-1])
        self.mean.copy_(flat.mean(dim=0))
        self.spread.copy_(flat.std(dim=0).clamp_min(1e-3))

    def forward(self, features: Tensor) -> Tensor:
        """Logits [..., A] of features [..., F], whose first is the retrieval score."""
        scaled = ((features - self.mean) / self.spread).clamp(-8.0, 8.0)
        learned = self.head(self.body(scaled)) + self.direct(scaled)
        return features[..., :1] * self.scale + learned


def listwise_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Softmax cross-entropy of the chosen candidate's place [B] among candidates' logits [B, K]."""
    return F.cross_entropy(logits, target)
