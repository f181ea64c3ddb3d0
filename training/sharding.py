"""Trains with the item table shared out over the processes: put in place, paced, saved and taken away."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from towers.item_tower import ItemTower
from training.losses.choose import Loss
from training.sharded_table import ShardedTable

LIBRARIES: Final = ("torchrec", "fbgemm_gpu")
PARAMETER: Final = "towers.item.id.shard"


def check_sharding(devices: int, loss: Loss) -> None:
    """A ValueError with its remedy unless the item table can be shared out."""
    if devices < 2:
        raise ValueError(f"item_table is sharded, but devices is {devices}; take 2 or more, or item_table=sparse")
    if not loss.is_sampled:
        raise ValueError("item_table is sharded, but the full softmax looks at all rows; take a sampled loss")
    if torch.cuda.is_available():
        raise ValueError("item_table is sharded, which is for processors; hide the GPUs: CUDA_VISIBLE_DEVICES=''")
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise ValueError(f"item_table is sharded, but {missing[0]} is missing; run `make sharded`")


class Sharding(Callback):
    """Stands first among the callbacks, so that the others see the table of this process alone.

    `lr` is the learning rate of the table, which rises and falls with that of the other weights.
    """

    table: ShardedTable

    def __init__(self, item: ItemTower, lr: float) -> None:
        self.item = item
        self.lr = lr

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Keep this process's rows and give the others back to the machine."""
        self.table = ShardedTable.of(self.item.id)
        self.item.id = self.table  # type: ignore[assignment]
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(pl_module, [PARAMETER])

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Follow the schedule."""
        group = trainer.optimizers[0].param_groups[0]
        self.table.rows.set_lr(self.lr * group["lr"] / group["initial_lr"])

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training needs no whole table."""
        self.table.release()

    def state_dict(self) -> dict[str, Tensor]:
        """The optimiser's state of all rows."""
        return {"squares": self.table.rows.whole(self.table.rows.squares)}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Go on with the state of this process's rows."""
        self.table.rows.squares.copy_(self.table.rows.part(state_dict["squares"]))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Leave an embedding whose weights the checkpoint will fill."""
        size = self.table.rows.num_rows, self.table.shard.shape[1]
        self.item.id = nn.utils.skip_init(nn.Embedding, *size)
