"""The ranking head: retrieval order plus what a network learns to change about it, for several actions at once.

Shapes: B requests (may be absent), K candidates, U features of a request, F of a candidate, D embedding, H hidden, X
experts, A actions, P features of a position.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Scaler(nn.Module):
    """Features with mean 0 and spread 1, bounded by 8; constant ones become 0."""

    mean: Tensor
    spread: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("spread", torch.ones(num_features))

    def fit(self, features: Tensor) -> None:
        """Take mean and spread from features [..., F]."""
        flat = features.reshape(-1, features.shape[-1])
        self.mean.copy_(flat.mean(dim=0))
        spread = flat.std(dim=0)
        self.spread.copy_(torch.where(spread > 1e-4, spread, 1e4))

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features, same shape."""
        return ((features - self.mean) / self.spread).clamp(-8.0, 8.0)


class SplitLayer(nn.Module):
    """First layer over request and candidate: W [request, candidate, vector] plus a product of the two sides, added up
    from halves, so that the request's half is worked out once for all candidates.
    """

    def __init__(self, num_request: int, num_candidate: int, dim: int, width: int, has_product: bool) -> None:
        super().__init__()
        self.request = nn.Linear(num_request, width)
        self.candidate = nn.Linear(num_candidate, width, bias=False)
        self.vector = nn.Linear(dim, width, bias=False)
        self.has_product = has_product
        if has_product:
            self.request_factor = nn.Linear(num_request, width, bias=False)
            self.vector_factor = nn.Linear(dim, width, bias=False)
            nn.init.normal_(self.request_factor.weight, std=0.05)

    def forward(self, request: Tensor, candidates: Tensor, vectors: Tensor) -> Tensor:
        """[..., K, H] of request [..., U], candidates [..., K, F], vectors [..., K, D]."""
        hidden: Tensor = self.request(request).unsqueeze(-2) + self.candidate(candidates) + self.vector(vectors)
        if self.has_product:
            hidden = hidden + self.request_factor(request).unsqueeze(-2) * self.vector_factor(vectors)
        return hidden


class RankingHead(nn.Module):
    """logits = scale * one feature of the candidate + linear + network; the network starts at zero, so training starts
    at the order of that feature: of feature `start`, the retrieval score, in the first action, and in the others at
    nothing until `begin` says more. Each candidate is scored on its own.
    """

    starts: Tensor

    @dataclass(frozen=True)
    class Config:
        """Width of the hidden layers and their number; 0 layers make a linear head.

        Each of `num_experts` has layers of its own after the first, mixed for each action by a gate that sees the
        request (Ma et al., Modeling task relationships with multi-gate mixture-of-experts, 2018); 1 is a shared bottom.
        `has_product` multiplies request and item vector in the first layer, so that context can meet content.
        """

        hidden: int = 64
        num_layers: int = 2
        num_experts: int = 1
        dropout: float = 0.1
        has_product: bool = True

    def __init__(
        self,
        config: Config,
        num_request: int,
        num_candidate: int,
        dim: int,
        num_actions: int,
        scale: float = 20.0,
        start: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("starts", torch.full((num_actions,), start))
        self.request_scaler, self.candidate_scaler = Scaler(num_request), Scaler(num_candidate)
        self.scale = nn.Parameter(torch.tensor([scale] + [0.0] * (num_actions - 1)))
        self.direct = nn.Linear(num_candidate, num_actions)
        nn.init.zeros_(self.direct.weight)
        nn.init.zeros_(self.direct.bias)
        if config.num_layers:
            self.first = SplitLayer(num_request, num_candidate, dim, config.hidden, config.has_product)
            self.experts = nn.ModuleList(_expert(config) for _ in range(config.num_experts))
            self.gate = nn.Linear(num_request, num_actions * config.num_experts) if config.num_experts > 1 else None
            self.heads = nn.Parameter(torch.zeros(num_actions, config.hidden))

    @torch.no_grad()
    def begin(self, action: int, feature: int, slope: float, shift: float) -> None:
        """Training of an action starts at the line `slope` * feature + `shift`."""
        self.starts[action], self.scale[action], self.direct.bias[action] = feature, slope, shift

    def forward(self, request: Tensor, candidates: Tensor, vectors: Tensor) -> Tensor:
        """Logits [..., K, A] of request [..., U], candidates [..., K, F] and vectors [..., K, D]."""
        scaled, of_request = self.candidate_scaler(candidates), self.request_scaler(request)
        logits: Tensor = candidates[..., self.starts] * self.scale + self.direct(scaled)
        if not self.config.num_layers:
            return logits
        hidden = F.silu(self.first(of_request, scaled, vectors))
        return logits + self._mixed(of_request, hidden)

    def _mixed(self, request: Tensor, hidden: Tensor) -> Tensor:
        """Heads [..., K, A] over the experts' outputs."""
        if self.gate is None:
            return F.linear(self.experts[0](hidden), self.heads)
        num_actions, num_experts = len(self.heads), len(self.experts)
        weights = self.gate(request).unflatten(-1, (num_actions, num_experts)).softmax(dim=-1)
        each = torch.stack([F.linear(expert(hidden), self.heads) for expert in self.experts], dim=-1)
        mixed: Tensor = (each * weights.unsqueeze(-3)).sum(dim=-1)
        return mixed


class PositionTower(nn.Module):
    """What the place on the page and the device add to the logits of what was shown; in training only, so that the head
    does not take the place for the item's merit (Zhao et al., Recommending what video to watch next, 2019).
    """

    def __init__(self, num_features: int, num_actions: int, hidden: int = 16) -> None:
        super().__init__()
        self.scaler = Scaler(num_features)
        self.body = nn.Sequential(nn.Linear(num_features, hidden), nn.SiLU(), nn.Linear(hidden, num_actions))

    def forward(self, position: Tensor) -> Tensor:
        """Logits [..., A] of positions [..., P]."""
        logits: Tensor = self.body(self.scaler(position))
        return logits


def _expert(config: RankingHead.Config) -> nn.Module:
    layers: list[nn.Module] = [nn.Dropout(config.dropout)]
    for _ in range(config.num_layers - 1):
        layers += [nn.Linear(config.hidden, config.hidden), nn.SiLU(), nn.Dropout(config.dropout)]
    return nn.Sequential(*layers)


def listwise_loss(logits: Tensor, gains: Tensor) -> Tensor:
    """Softmax cross-entropy over candidates' logits [B, K] of the chosen ones, whose gains [B, K] are 1."""
    share = gains / gains.sum(dim=-1, keepdim=True)
    return -(share * F.log_softmax(logits, dim=-1).clamp_min(-1e4)).sum(dim=-1).mean()


def pointwise_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of labels in [0, 1], NaN where the action could not be seen; both [..., A]."""
    seen = ~labels.isnan()
    if not seen.any():
        return logits.sum() * 0
    return F.binary_cross_entropy_with_logits(logits[seen], labels[seen])
