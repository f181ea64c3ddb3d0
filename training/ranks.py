"""Ranks of targets among the whole catalogue in bounded memory.

Shapes: B queries, D embedding, N items (vocabulary rows without the reserved ones), S seen items.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from towers.item_tower import ItemTower
from towers.vocabulary import NUM_RESERVED

BLOCK_BYTES: Final = 128 << 20
"""Scores in memory at once; comparing them takes half as much again."""

ROWS_AT_ONCE: Final = 131_072
"""Rows whose tokens are made at once."""


@torch.no_grad()
def item_vectors(item: ItemTower) -> Tensor:
    """Unit vectors float32 [N, D] of all items."""
    weight = item.id.weight
    vectors = torch.empty(weight.shape, dtype=torch.float32, device=weight.device)
    for start in range(0, len(weight), ROWS_AT_ONCE):
        rows = torch.arange(start, min(start + ROWS_AT_ONCE, len(weight)), device=weight.device)
        vectors[rows[0] : rows[-1] + 1] = item(item.tokens(rows))
    return vectors[NUM_RESERVED:]


def target_ranks(users: Tensor, items: Tensor, targets: Tensor, seen: Tensor, block_bytes: int = BLOCK_BYTES) -> Tensor:
    """Rank [B] of each target row [B] among the unseen items by users [B, D] and items [N, D]; ties count half.

    seen: rows [B, S], PAD-filled. A target whose score is not finite ranks last.
    """
    block = max(block_bytes // (len(items) * items.element_size()), 1)
    parts = zip(users.split(block), targets.split(block), seen.split(block), strict=True)
    return torch.cat([ranks_of(part @ items.T, own, known) for part, own, known in parts])


def ranks_of(scores: Tensor, targets: Tensor, seen: Tensor) -> Tensor:
    """Rank [B] of each target by scores [B, N], which are overwritten."""
    place = (targets - NUM_RESERVED).unsqueeze(1)
    own = scores.gather(1, place)
    scores.scatter_(1, place, -torch.inf)
    scores.scatter_(1, torch.where(seen < NUM_RESERVED, place, seen - NUM_RESERVED), -torch.inf)
    rank = 1 + (scores > own).sum(dim=1) + (scores == own).sum(dim=1) / 2
    return torch.where(own.squeeze(1).isfinite(), rank, float(scores.shape[1]))
