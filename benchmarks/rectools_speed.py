"""Training speed beside RecTools: rectools_speed.py EVENTS.parquet [STEPS] [PYTHON_WITH_RECTOOLS].

Both train on the same events with the same width, depth, heads, history length, full softmax and precision, one thread
each, one after the other and again: targets learned from per second of CPU. EVENTS has user_id, item_id, timestamp.
RecTools (0.19.0: eSASRec = SASRec's objective with LiGR layers) may live in another environment than Marquee.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.rectools_model import DIM, HEADS, LAYERS, LENGTH, is_missing, model

WARM_UP, ROUNDS = 3, 2
RECTOOLS_BATCHES = (32, 128)


def trainer(clock: Any, steps: int) -> Any:
    """One epoch of so many steps, in bfloat16, without files."""
    import pytorch_lightning as pl

    return pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        precision="bf16-mixed",
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_train_batches=steps,
        limit_val_batches=0,
    )


def clock_of(count: Callable[[Any], Any]) -> Any:
    """A callback that counts targets with `count` and CPU seconds, the first steps left out."""
    import pytorch_lightning as pl

    class Clock(pl.Callback):
        targets, started, spent_s = 0, 0.0, 0.0

        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:  # noqa: ANN001
            """Count."""
            if batch_idx < WARM_UP:
                self.started = time.process_time()
            else:
                self.targets += int(count(batch))
                self.spent_s = time.process_time() - self.started

    return Clock()


def ours(events: str, steps: int) -> None:
    """The default towers through the training that users run."""
    from dataclasses import replace

    import torch

    from towers.two_tower import TwoTower
    from towers.user_tower import UserTower
    from training.corpus import make_corpus
    from training.data import FilesConfig, load
    from training.data.split import SplitConfig, split
    from training.datamodule import SequenceData
    from training.learning import LearningConfig, make_towers
    from training.losses.choose import choose_loss
    from training.questions import ask
    from training.retriever import OptimiserConfig, Retriever

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        dataset = load(FilesConfig(events=events), Path(name))
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    config = LearningConfig(max_length=LENGTH)
    corpus = make_corpus(dataset, parts.train, config.max_length, config.content, 0)
    queries = ask(dataset, parts.val, corpus.spec, corpus.viewers, "random", 0)
    size = TwoTower.Config(dim=DIM, user=UserTower.Config(num_layers=LAYERS, num_heads=HEADS))
    loss = choose_loss(replace(config.fit.loss, name="full_softmax"), torch.from_numpy(corpus.counts))
    module = Retriever(make_towers(size, corpus, 0), loss, OptimiserConfig(), 0)
    clock = clock_of(lambda batch: (batch.targets != 0).sum())
    data = SequenceData(config.batch, corpus.spec, corpus.events, queries, 0)
    trainer(clock, steps).fit(module, datamodule=data)
    print(f"marquee {clock.targets / clock.spent_s:,.0f}")


def theirs(events: str, steps: int, batch: int) -> None:
    """RecTools' SASRec with LiGR layers through its own `fit`."""
    import pandas as pd
    import torch
    from rectools.dataset import Dataset

    torch.set_num_threads(1)
    table = pd.read_parquet(events)[["user_id", "item_id", "timestamp"]]
    table["datetime"] = pd.to_datetime(table.pop("timestamp"), unit="s")
    rival = model(batch, lambda: trainer(clock_of(lambda batch: (batch["y"] != 0).sum()), steps))
    rival.fit(Dataset.construct(table.assign(weight=1)))
    clock = next(callback for callback in rival.fit_trainer.callbacks if hasattr(callback, "spent_s"))  # a copy
    print(f"RecTools, {batch} viewers a step {clock.targets / clock.spent_s:,.0f}")


def main(events: str, steps: int, python: str) -> None:
    """Print each speed and the ratio of the best ones; without RecTools say so and end."""
    if is_missing(python):
        return
    jobs = [(sys.executable, "ours")] + [(python, str(batch)) for batch in RECTOOLS_BATCHES]
    best = {"marquee": 0.0, "RecTools": 0.0}
    for interpreter, job in jobs * ROUNDS:
        words = [interpreter, "-W", "ignore", __file__, events, str(steps), job]
        environment = {**os.environ, "PYTHONPATH": "."}
        done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)  # noqa: S603
        said = done.stdout.strip().splitlines()[-1]
        print(f"{said} targets a CPU second", flush=True)
        name = "marquee" if job == "ours" else "RecTools"
        best[name] = max(best[name], float(said.split()[-1].replace(",", "")))
    print(f"best against best: {best['marquee'] / best['RecTools']:.2f} times")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    given = [*sys.argv[2:], *("30", sys.executable)[len(sys.argv) - 2 :]]
    if given[1] == "ours":
        ours(sys.argv[1], int(given[0]))
    elif given[1].isdigit():
        theirs(sys.argv[1], int(given[0]), int(given[1]))
    else:
        main(sys.argv[1], int(given[0]), given[1])
