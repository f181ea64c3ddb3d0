"""Trains the ranking head on candidates of later events, and calibrates it on still later ones.

Shapes: Q requests, K candidates, F features, R vocabulary rows, D embedding, A actions.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import trange

from ranking.features import FeatureConfig
from ranking.model import PositionTower, RankingHead, listwise_loss, pointwise_loss
from ranking.value import Calibration, ValueWeights
from serving.sources import SourceCounts
from training.calibration import calibrate, fit_line, free_line
from training.examples import RankerExamples
from training.ranker_batches import Batches, Parts, drawn, in_time, seen

LOSSES = ("listwise", "pointwise", "both")


@dataclass(frozen=True)
class RankerConfig:
    """What the head sees and how it learns. The newest `validation_share` of the requests decide when to stop; the
    newer half of them says how well it is calibrated. 0 epochs leave retrieval order. Training starts at retrieval
    order, or with `from_retrieval=false` at no order, which is better where the towers know little of what matters.

    loss: `listwise` orders each request's candidates by the first action; `pointwise` predicts every action where it
    could be seen; `both`. The other actions are always learnt pointwise, and so are slots that viewers are known to
    have seen, from which the head learns instead of candidates where the log tells of them. `num_negatives` candidates
    that were not chosen are drawn for each request and epoch, 0: all. With `replay`, the held-out events flow into the
    live state while the examples are collected, as they will while serving; without, the state stands still, and only
    histories go on where pages seen are the examples. `in_session` asks only questions of viewers who did something
    just before. `keep_examples` leaves them in the out folder, for rivals. `value_weights` say what the predicted
    actions are worth when a list is ordered.
    """

    sources: SourceCounts = field(default_factory=SourceCounts)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    model: RankingHead.Config = field(default_factory=RankingHead.Config)
    value_weights: ValueWeights = field(default_factory=ValueWeights)
    loss: str = "listwise"
    from_retrieval: bool = True
    replay: bool = False
    in_session: bool = False
    num_negatives: int = 100
    max_epochs: int = 30
    patience: int = 5
    batch_size: int = 64
    lr: float = 2e-3
    weight_decay: float = 0.01
    validation_share: float = 0.2
    max_queries: int = 20_000
    keep_examples: bool = False

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"ranker.loss is {self.loss!r}; choose {', '.join(LOSSES)}")


class RankerReport(NamedTuple):
    """NDCG@10 over the validation requests, missed targets counted as 0, in retrieval order and ranked; the share of
    targets among the candidates; calibration error of each action on the newest requests, and how much of it chance
    alone would make of true probabilities.
    """

    retrieval_ndcg: float
    ranker_ndcg: float
    recall_ceiling: float
    num_queries: int
    epochs: int
    calibration_error: Mapping[str, float]
    error_by_chance: Mapping[str, float]


class Fitted(NamedTuple):
    """A trained head, what makes each action's logit a probability, and how it did."""

    head: RankingHead
    calibration: Mapping[str, Calibration]
    report: RankerReport

    @property
    def actions(self) -> tuple[str, ...]:
        """In the order of the logits."""
        return tuple(self.calibration)


def fit_ranker(
    config: RankerConfig,
    examples: RankerExamples,
    item_vectors: NDArray[np.float32],
    scale: float,
    seed: int,
    start: int = 0,
    follow: int | None = None,
) -> Fitted:
    """The head with the best validation NDCG@10, or likelihood where it learns pointwise; the untrained one takes part.

    item_vectors: float32 [R, D]; later rows have none. Training starts from `scale` times the candidates' feature
    `start`, by default the retrieval score; what follows the choice from its best line over the feature `follow`.
    """
    torch.manual_seed(seed)
    parts = in_time(examples, config.validation_share)
    data = Batches(examples, item_vectors)
    head = RankingHead(
        config.model,
        examples.request.shape[1],
        examples.features.shape[2],
        item_vectors.shape[1],
        len(examples.actions),
        scale if config.from_retrieval and "towers" not in config.features.without else 0.0,
        start,
    )
    if follow is not None:
        for action in range(1, len(examples.actions)):
            line = free_line(*seen(examples, parts.learn, examples.features[parts.learn, :, follow], action))
            head.begin(action, follow, line.slope, line.shift)
    held = np.concatenate([parts.stop, parts.check])
    found, first, best, epochs = _search(config, head, data, parts, np.random.default_rng(seed))
    calibration = {
        action: (calibrate if a else fit_line)(*data.outcomes(found, parts.stop, a))
        for a, action in enumerate(examples.actions)
    }
    errors, by_chance = data.errors(found, parts.check, calibration)
    ceiling = float(examples.has_choice[held].mean()) if len(held) else float("nan")
    report = RankerReport(first, best, ceiling, len(examples.ts_ms), epochs, errors, by_chance)
    return Fitted(found, calibration, report)


def _search(
    config: RankerConfig, head: RankingHead, data: Batches, parts: Parts, rng: np.random.Generator
) -> tuple[RankingHead, float, float, int]:
    """The best head, its NDCG@10 before and after training, and the number of epochs run."""
    is_listwise = config.loss == "listwise"
    learn = parts.learn[data.examples.has_choice[parts.learn]] if is_listwise else parts.learn
    if len(learn):
        data.fit_scalers(head, learn)
    held = np.concatenate([parts.stop, parts.check])
    judged = data.ndcg if config.loss != "pointwise" else data.likelihood
    first, best = data.ndcg(head, held), judged(head, held)
    kept, waited, num_epochs = copy.deepcopy(head), 0, 0
    learner = Learner(config, head, data, rng)
    progress = trange(config.max_epochs if len(learn) else 0, desc="ranker", unit="epoch", mininterval=1.0)
    for _ in progress:
        num_epochs += 1
        learner.epoch(learn)
        value = judged(head, held)
        progress.set_postfix({"held out": f"{value:.4f}", "best": f"{best:.4f}"})
        waited = 0 if value > best else waited + 1
        if value > best:
            best, kept = value, copy.deepcopy(head)
        if waited >= config.patience:
            break
    return kept.eval(), first, data.ndcg(kept, held), num_epochs


class Learner:
    """The optimiser, and the tower that explains what places on the page did."""

    def __init__(self, config: RankerConfig, head: RankingHead, data: Batches, rng: np.random.Generator) -> None:
        self._config, self._head, self._data, self._rng = config, head, data, rng
        position = data.examples.position
        self._place = None if position is None else PositionTower(position.shape[2], len(data.examples.actions))
        if self._place is not None and position is not None:
            self._place.scaler.fit(torch.from_numpy(position[data.examples.is_real]))
        parameters = [*head.parameters(), *(self._place.parameters() if self._place else [])]
        self._adam = torch.optim.AdamW(parameters, lr=config.lr, weight_decay=config.weight_decay)
        self._num_epochs = 0

    def epoch(self, learn: NDArray[np.int64]) -> None:
        """Every request once, in random order; the learning rate falls along a cosine to the last of `max_epochs`."""
        self._head.train()
        order = self._rng.permutation(learn)
        for start in range(0, len(order), self._config.batch_size):
            done = (self._num_epochs + start / len(order)) / self._config.max_epochs
            self._adam.param_groups[0]["lr"] = self._config.lr * max(0.5 + 0.5 * math.cos(math.pi * done), 0.01)
            loss = self._loss(order[start : start + self._config.batch_size])
            self._adam.zero_grad()
            loss.backward()
            self._adam.step()
        self._num_epochs += 1

    def _loss(self, part: NDArray[np.int64]) -> Tensor:
        examples = self._data.examples
        places = drawn(examples, part, self._config.num_negatives, self._rng)
        logits = self._data.logits(self._head, part, places)
        labels = torch.from_numpy(np.take_along_axis(examples.labels[part], places[:, :, None], axis=1))
        real = torch.from_numpy(np.take_along_axis(examples.is_real[part], places, axis=1))
        if self._place is not None and examples.position is not None:
            position = np.take_along_axis(examples.position[part], places[:, :, None], axis=1)
            logits = logits + self._place(torch.from_numpy(position))
        return _loss(self._config.loss, logits, labels.masked_fill(~real[..., None], torch.nan), real)


def _loss(name: str, logits: Tensor, labels: Tensor, real: Tensor) -> Tensor:
    """labels: NaN behind the candidates."""
    pointwise = labels if name != "listwise" else labels[..., 1:]
    loss = logits.sum() * 0
    if pointwise.shape[-1]:
        loss = loss + pointwise_loss(logits if name != "listwise" else logits[..., 1:], pointwise)
    gains = (labels[..., 0] > 0).float()
    has_choice = gains.sum(dim=1) > 0
    if name != "pointwise" and has_choice.any():
        first = logits[..., 0].masked_fill(~real, -torch.inf)
        loss = loss + listwise_loss(first[has_choice], gains[has_choice])
    return loss
