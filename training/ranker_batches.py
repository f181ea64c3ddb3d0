"""The ranker's examples as batches: which requests learn, stop and check, what could be seen of them.

Shapes: Q requests, K candidates, R vocabulary rows, D embedding, A actions, E examples of one action.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ranking.model import RankingHead
from ranking.value import Calibration
from training.calibration import error_by_chance, expected_error
from training.examples import RankerExamples


class Parts(NamedTuple):
    """Places of the requests to learn from, to stop by, and to check calibration on, oldest first."""

    learn: NDArray[np.int64]
    stop: NDArray[np.int64]
    check: NDArray[np.int64]


def in_time(examples: RankerExamples, held_share: float) -> Parts:
    """The newest `held_share` of the requests is held out, at least two of them."""
    order = np.argsort(examples.ts_ms, kind="stable")
    num_held = min(max(2, int(held_share * len(order))), len(order))
    learn, held = order[: len(order) - num_held], order[len(order) - num_held :]
    return Parts(learn, held[: len(held) // 2], held[len(held) // 2 :])


def seen(
    examples: RankerExamples, part: NDArray[np.int64], values: NDArray[np.float32], action: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Those of the values [len(part), K] whose label of an action could be seen, and the labels; both [E]."""
    labels = examples.labels[part, :, action]
    told = examples.is_real[part] & ~np.isnan(labels)
    return values[told], labels[told]


class Batches:
    """Examples as tensors, a few requests at a time."""

    def __init__(self, examples: RankerExamples, item_vectors: NDArray[np.float32]) -> None:
        self.examples = examples
        self._vectors = np.concatenate([item_vectors, np.zeros((1, item_vectors.shape[1]), dtype=np.float32)])

    def logits(self, head: RankingHead, part: NDArray[np.int64], places: NDArray[np.int64] | None = None) -> Tensor:
        """Logits [len(part), K', A] of all candidates, or of those at `places` [len(part), K']."""
        given = self.examples
        rows, features = given.rows[part], given.features[part]
        if places is not None:
            rows = np.take_along_axis(rows, places, axis=1)
            features = np.take_along_axis(features, places[:, :, None], axis=1)
        vectors = self._vectors[np.minimum(rows, len(self._vectors) - 1)]
        logits: Tensor = head(*(torch.from_numpy(array) for array in (given.request[part], features, vectors)))
        return logits

    def fit_scalers(self, head: RankingHead, part: NDArray[np.int64]) -> None:
        """Mean and spread of what a sample of the requests looks like."""
        sample = part[:: max(1, len(part) // 2_000)]
        head.request_scaler.fit(torch.from_numpy(self.examples.request[sample]))
        head.candidate_scaler.fit(torch.from_numpy(self.examples.features[sample][self.examples.is_real[sample]]))

    @torch.no_grad()
    def ndcg(self, head: RankingHead, part: NDArray[np.int64]) -> float:
        """Mean NDCG@10 of the best placed chosen candidate of each request; ties keep the order of the candidates."""
        head.eval()
        gains = [np.empty(0)]
        for chunk in np.array_split(part, max(1, len(part) // 256)):
            real, chosen = self.examples.is_real[chunk], self.examples.labels[chunk, :, 0] > 0
            logits = np.where(real, self.logits(head, chunk)[..., 0].numpy(), -np.inf)
            order = np.argsort(-logits, axis=1, kind="stable")
            hit = np.take_along_axis(chosen & real, order, axis=1)
            rank = 1 + hit.argmax(axis=1)
            gains.append(np.where(hit.any(axis=1) & (rank <= 10), 1 / np.log2(rank + 1), 0.0))
        return float(np.concatenate(gains).mean()) if len(part) else 0.0

    @torch.no_grad()
    def outcomes(
        self, head: RankingHead, part: NDArray[np.int64], action: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits [E] and labels [E] of one action wherever it could be seen."""
        head.eval()
        logits, labels = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
        for chunk in np.array_split(part, max(1, len(part) // 256)):
            found = seen(self.examples, chunk, self.logits(head, chunk)[..., action].numpy(), action)
            logits.append(found[0])
            labels.append(found[1])
        return np.concatenate(logits), np.concatenate(labels)

    def errors(
        self, head: RankingHead, part: NDArray[np.int64], calibration: Mapping[str, Calibration]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Calibration error of each action, and what chance makes of true probabilities."""
        seen_errors, by_chance = dict[str, float](), dict[str, float]()
        for a, (action, line) in enumerate(calibration.items()):
            values, labels = self.outcomes(head, part, a)
            told = line.probabilities(values)
            seen_errors[action], by_chance[action] = expected_error(told, labels), error_by_chance(told)
        return seen_errors, by_chance

    def likelihood(self, head: RankingHead, part: NDArray[np.int64]) -> float:
        """Mean log likelihood of the first action: what pages with few choices still tell."""
        logits, labels = self.outcomes(head, part, 0)
        signed = np.where(labels > 0.5, logits, -logits).astype(np.float64)
        return float(-np.logaddexp(0, -signed).mean()) if len(signed) else 0.0


def drawn(
    examples: RankerExamples, part: NDArray[np.int64], num_negatives: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Places [len(part), K'] of the chosen candidates and `num_negatives` others of each request, all with 0."""
    width = examples.features.shape[1]
    if num_negatives == 0 or num_negatives + 1 >= width:
        return np.broadcast_to(np.arange(width), (len(part), width))
    keys = rng.random((len(part), width), dtype=np.float32)
    keys[examples.labels[part, :, 0] > 0] = -1
    keys[~examples.is_real[part]] = 2
    return np.argpartition(keys, num_negatives, axis=1)[:, : num_negatives + 1]
