"""Memory and speed of two processes with an item table in each or sharded: sharded_table.py [ITEMS] [VIEWERS] [STEPS].

The table is held whole by each process (sparse) or shared out by TorchRec (sharded); memory and CPU are those of the
process started beside the first, which holds what training needs and nothing else.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import subprocess
import time
import warnings
from dataclasses import replace
from functools import partial
from typing import Any

import pytorch_lightning as pl

from benchmarks.training_memory import clear_peak, material, memory_gib, trainer
from training.datamodule import SequenceData
from training.fit import EXPECTED_WARNINGS
from training.processes import Place, company, strategy
from training.retriever import OptimiserConfig, Retriever
from training.sharding import Sharding

TABLES = ("sparse", "sharded")
WARM_UP = 3


class Gauge(pl.Callback):
    """Memory of each stage and tokens a CPU second of the steps, the first ones left out."""

    def __init__(self, table: str) -> None:
        self.table, self.tokens, self.steps = table, 0, 0
        self.started_s = self.elapsed_s = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What the process was sent is history."""
        clear_peak()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:  # noqa: ANN001
        """Count."""
        if batch_idx < WARM_UP:
            self.started_s = time.process_time()
        else:
            self.tokens += int(batch.lengths.sum())
            self.steps += 1
            self.elapsed_s = time.process_time() - self.started_s

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The steps are over."""
        self._tell(trainer, "steps")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """So is validation."""
        self._tell(trainer, "validation")

    def _tell(self, trainer: pl.Trainer, stage: str) -> None:
        peak, now = memory_gib()
        clear_peak()
        if trainer.global_rank:
            print(f"{self.table:8} {stage:12} peak {peak:5.2f} GiB, after {now:5.2f} GiB", flush=True)
            if stage == "steps":
                speed, each = self.tokens / self.elapsed_s, self.elapsed_s / self.steps
                print(f"{self.table:8} {speed:,.0f} tokens a CPU second, {each:.3f} CPU s a step", flush=True)


def work(table: str, steps: int, module: Retriever, data: SequenceData, place: Place | None) -> None:
    """One process of two."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for message in (*EXPECTED_WARNINGS, ".*limit_val_batches", ".*isinstance"):
        warnings.filterwarnings("ignore", message)
    callbacks: list[pl.Callback] = [Gauge(table)]
    if table == "sharded":
        callbacks.insert(0, Sharding(module.towers.item, module.optimiser.sharded_lr))
    several: dict[str, Any] = {"devices": 2, "strategy": strategy(place), "use_distributed_sampler": False}
    trainer(*callbacks, limit_train_batches=steps, num_sanity_val_steps=0, **several).fit(module, datamodule=data)


def main(table: str, num_items: int, num_viewers: int, steps: int) -> None:
    """Train with one kind of table."""
    _, _, towers, loss, data = material(num_items, num_viewers)
    module = Retriever(towers, loss, replace(OptimiserConfig(), item_table=table), 0)
    job = partial(work, table, steps, module, data)
    with company(2, job) as place:
        job(place)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sizes = [*numbers, *(1_000_000, 100_000, 30)[len(numbers) :]]
    tables = [word for word in sys.argv[1:] if word in TABLES]
    if tables:
        main(tables[0], *sizes)
    else:
        for each in TABLES:
            subprocess.run([sys.executable, __file__, each, *map(str, sizes)], check=True)  # noqa: S603 - this file
