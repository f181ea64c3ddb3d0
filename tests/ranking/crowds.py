"""A crowd with planted tastes: titles in groups, viewers who like one group and what everybody knows."""

from __future__ import annotations

import numpy as np

from ranking.crowd import Crowd

NUM_GROUPS = 4
IN_GROUP = 30
KNOWN = 12


def planted(seed: int = 0, num_viewers: int = 400) -> Crowd:
    """The first KNOWN titles are liked by four in ten, whoever they are, then come the groups, IN_GROUP titles each."""
    rng = np.random.default_rng(seed)
    group = np.concatenate([np.full(KNOWN, -1), np.repeat(np.arange(NUM_GROUPS), IN_GROUP)])
    taste = rng.integers(0, NUM_GROUPS, num_viewers)
    chance = np.where(group == -1, 0.4, np.where(taste[:, None] == group, 0.5, 0.02))
    likes = rng.random(chance.shape) < chance
    axes = np.eye(NUM_GROUPS + 1)
    vectors = axes[np.where(group == -1, NUM_GROUPS, group)] + 0.2 * rng.normal(size=(len(group), NUM_GROUPS + 1))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    counts = likes.sum(axis=0).astype(np.float64)
    order = np.argsort(-counts, kind="stable")
    return Crowd(order + 2, likes[:, order], unit[order], counts[order])


def group_of(crowd: Crowd, title: int) -> int:
    """Axis nearest to the title's vector; NUM_GROUPS for what everybody knows."""
    return int(crowd.vectors[title].argmax())
