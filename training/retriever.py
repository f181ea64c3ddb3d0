"""The Lightning module of the towers: loss, validation metrics, optimiser.

Shapes: B batch, L window, D embedding, R vocabulary rows, S seen items, C context columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from towers.two_tower import TwoTower
from towers.vocabulary import PAD
from training.losses.choose import Loss
from training.optimisers import RowAdamW, clip_norm
from training.ranks import item_vectors, target_ranks
from training.sequences import TrainingBatch, seen_before

VALIDATION_KS = (10, 100)


class ValidationBatch(NamedTuple):
    """Queries with one target each: a padded history, context [B, C], targets [B] and seen rows [B, S] (PAD-filled)."""

    rows: Tensor
    actions: Tensor
    shares: Tensor
    age_s: Tensor
    lengths: Tensor
    context: Tensor
    targets: Tensor
    seen: Tensor


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with linear warm-up over `warmup_steps` and a cosine down to `final_share` of `lr` at the last epoch.

    `item_table` is dense, sparse (a step moves only the rows it looked at) or auto: sparse above `sparse_above` items
    where the loss samples. Sharded, every process of `devices` holds a part of the rows and moves them by row-wise
    Adagrad at `sharded_lr`; that needs TorchRec.
    """

    lr: float = 3e-3
    weight_decay: float = 0.01
    warmup_steps: int = 200
    final_share: float = 0.02
    item_table: str = "auto"
    sparse_above: int = 100_000
    sharded_lr: float = 0.3

    def has_sparse_table(self, num_items: int, loss: Loss) -> bool:
        """Whether the item table gets sparse gradients; a ValueError for what cannot be."""
        if self.item_table == "sparse" and not loss.is_sampled:
            raise ValueError("item_table is sparse, but the full softmax looks at all rows; take a sampled loss")
        match self.item_table:
            case "auto":
                return loss.is_sampled and num_items > self.sparse_above
            case "dense" | "sparse" | "sharded":
                return self.item_table == "sparse"
        raise ValueError(f"item_table is {self.item_table!r}; choose one of auto, dense, sparse, sharded")

    def share_at(self, progress: float, step: int) -> float:
        """Share of `lr` at a step, with `progress` of all steps done."""
        warm = min(1.0, (step + 1) / max(self.warmup_steps, 1))
        return warm * max(self.final_share, 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


class Retriever(pl.LightningModule):
    """Trains the towers to answer each request with the item chosen next."""

    def __init__(self, towers: TwoTower, loss: Loss, optimiser: OptimiserConfig, seed: int) -> None:
        super().__init__()
        self.towers = towers
        self.loss = loss
        self.optimiser = optimiser
        self.seed = seed
        towers.item.id.sparse = optimiser.has_sparse_table(towers.item.id.num_embeddings, loss)

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> Tensor:
        """Mean loss over all positions that have a target; seeded by the step, so that a resumed run draws the same."""
        torch.manual_seed(self.seed * 1_000_003 + self.global_step + self.global_rank * 1_000_000_007)
        given = self.towers.read(batch.rows, batch.actions, batch.shares, batch.age_s, batch.lengths)
        has_target = batch.targets != PAD
        states = self.towers.user.states(given)[has_target]
        users = self.towers.user.answer(states, batch.context[has_target])
        seen = seen_before(batch.rows)[has_target] if self.loss.skips_seen else None
        loss = self.loss(users, batch.targets[has_target], self.towers, seen)
        size = len(states)
        self._log({"train/loss": loss}, size)
        return loss * self._share(size)

    def _log(self, values: Mapping[str, Tensor], size: int) -> None:
        """Means of the epoch over all processes; counts as floats, since Lightning rounds means of integers down."""
        self.log_dict(
            dict(values),
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            batch_size=float(size),  # type: ignore[arg-type]
            sync_dist=True,
        )

    def _share(self, size: int) -> Tensor | float:
        """Weight that turns the mean of the processes' gradients into the mean over the positions of all."""
        if self.trainer.world_size == 1:
            return 1.0
        total = self.trainer.strategy.reduce(torch.tensor(float(size), device=self.device), reduce_op="sum")
        return torch.as_tensor(size * self.trainer.world_size / total)

    def on_validation_epoch_start(self) -> None:
        """Item vectors once for all queries."""
        self._items = item_vectors(self.towers.item)

    def on_validation_epoch_end(self) -> None:
        """Free the item vectors."""
        del self._items

    def validation_step(self, batch: ValidationBatch, batch_idx: int) -> None:
        """Hit rate and NDCG over the whole catalogue without seen items."""
        given = self.towers.read(batch.rows, batch.actions, batch.shares, batch.age_s, batch.lengths)
        users = self.towers.user(given, batch.context).float()
        rank = target_ranks(users, self._items, batch.targets, batch.seen)
        gain = torch.log2(rank + 1).reciprocal()
        values = {f"val/hr@{k}": (rank <= k).float().mean() for k in VALIDATION_KS}
        values["val/ndcg@10"] = torch.where(rank <= 10, gain, 0.0).mean()
        self._log(values, len(rank))

    def configure_optimizers(self) -> Any:
        """AdamW; embeddings, biases and norms are not decayed."""
        decayed, plain = _groups(self.towers)
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": self.optimiser.weight_decay},
            {"params": plain},
        ]
        adam = RowAdamW(groups, lr=self.optimiser.lr, betas=(0.9, 0.98), weight_decay=0.0)
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: self.optimiser.share_at(step / steps, step))
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip by the norm of all gradients, sparse ones among them."""
        if not self.towers.item.id.sparse:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif gradient_clip_val:
            clip_norm(self.parameters(), gradient_clip_val)


def _groups(towers: TwoTower) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    embeddings = {id(m.weight) for m in towers.modules() if isinstance(m, nn.Embedding)}
    for parameter in towers.parameters():
        if not parameter.requires_grad:
            continue
        is_matrix = parameter.ndim == 2 and id(parameter) not in embeddings
        (decayed if is_matrix else plain).append(parameter)
    return decayed, plain
