"""Trains the ranking head on candidates that retrieval really returned for later events.

Shapes: Q queries, K candidates, F features, A actions.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import trange

from ranking.model import RankingHead, listwise_loss

MISSED = -1
"""Place of a target that retrieval did not return."""


class RankerExamples(NamedTuple):
    """features: float32 [Q, K, F], zero behind each query's candidates; num_candidates: int64 [Q]; place: int64 [Q] of
    the chosen item among the candidates in retrieval order, MISSED where it is not there.
    """

    features: NDArray[np.float32]
    num_candidates: NDArray[np.int64]
    place: NDArray[np.int64]


@dataclass(frozen=True)
class RankerConfig:
    """`validation_share` of the queries decides when to stop; 0 epochs leave retrieval order."""

    num_candidates: int = 200
    model: RankingHead.Config = field(default_factory=RankingHead.Config)
    max_epochs: int = 30
    patience: int = 5
    batch_size: int = 64
    lr: float = 2e-3
    weight_decay: float = 0.01
    validation_share: float = 0.2
    max_queries: int = 20_000


class RankerReport(NamedTuple):
    """NDCG@10 over the validation queries, missed targets counted as 0, before and after; recall ceiling at K."""

    retrieval_ndcg: float
    ranker_ndcg: float
    recall_ceiling: float
    num_queries: int
    epochs: int


def fit_ranker(
    config: RankerConfig, examples: RankerExamples, scale: float, seed: int
) -> tuple[RankingHead, RankerReport]:
    """The head with the best validation NDCG@10; the untrained one, which is retrieval order, takes part."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(examples.place))
    num_held = max(1, int(config.validation_share * len(order)))
    held, learn = order[:num_held], order[num_held:]
    learn = learn[examples.place[learn] != MISSED]
    head = RankingHead(config.model, examples.features.shape[-1], num_actions=1)
    head.scale.data.fill_(scale)
    if len(learn):
        head.fit_scaler(torch.from_numpy(_real(examples, learn)))
    return _search(config, head, examples, learn, held, rng)


def _search(
    config: RankerConfig,
    head: RankingHead,
    examples: RankerExamples,
    learn: NDArray[np.int64],
    held: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[RankingHead, RankerReport]:
    first = best = validation_ndcg(head, examples, held)
    kept, waited, num_epochs = copy.deepcopy(head), 0, 0
    adam = torch.optim.AdamW(head.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    progress = trange(config.max_epochs if len(learn) else 0, desc="ranker", unit="epoch", mininterval=1.0)
    for _ in progress:
        num_epochs += 1
        _learn(head, adam, examples, rng.permutation(learn), config.batch_size)
        value = validation_ndcg(head, examples, held)
        progress.set_postfix({"ndcg@10": f"{value:.4f}", "retrieval": f"{first:.4f}"})
        waited = 0 if value > best else waited + 1
        if value > best:
            best, kept = value, copy.deepcopy(head)
        if waited >= config.patience:
            break
    ceiling = float(np.mean(examples.place[held] != MISSED))
    return kept.eval(), RankerReport(first, best, ceiling, len(examples.place), num_epochs)


def _learn(
    head: RankingHead,
    adam: torch.optim.Optimizer,
    examples: RankerExamples,
    order: NDArray[np.int64],
    batch_size: int,
) -> None:
    head.train()
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        logits = masked_logits(head, examples, part)
        loss = listwise_loss(logits, torch.from_numpy(examples.place[part]))
        adam.zero_grad()
        loss.backward()
        adam.step()


def masked_logits(head: RankingHead, examples: RankerExamples, part: NDArray[np.int64]) -> Tensor:
    """Logits [len(part), K] of the first action; minus infinity behind each query's candidates."""
    logits = head(torch.from_numpy(examples.features[part]))[..., 0]
    place = torch.arange(logits.shape[1])
    real: Tensor = logits.masked_fill(place >= torch.from_numpy(examples.num_candidates[part])[:, None], -torch.inf)
    return real


@torch.no_grad()
def validation_ndcg(head: RankingHead, examples: RankerExamples, part: NDArray[np.int64]) -> float:
    """Mean NDCG@10 of the queries `part`; ties keep retrieval order."""
    head.eval()
    gains = []
    for chunk in np.array_split(part, max(1, len(part) // 512)):
        logits = masked_logits(head, examples, chunk).numpy()
        place = examples.place[chunk]
        own = np.take_along_axis(logits, np.maximum(place, 0)[:, None], axis=1)
        earlier = np.arange(logits.shape[1]) < place[:, None]
        rank = 1 + (logits > own).sum(axis=1) + ((logits == own) & earlier).sum(axis=1)
        gains.append(np.where((rank <= 10) & (place != MISSED), 1 / np.log2(rank + 1), 0.0))
    return float(np.concatenate(gains).mean()) if len(part) else 0.0


def _real(examples: RankerExamples, part: NDArray[np.int64]) -> NDArray[np.float32]:
    place = np.arange(examples.features.shape[1])
    return examples.features[part][place < examples.num_candidates[part][:, None]]
