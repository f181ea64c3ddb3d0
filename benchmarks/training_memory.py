"""Memory and speed with many items, item table dense and sparse: training_memory.py [ITEMS] [VIEWERS] [STEPS]."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch

from index.build import Config as IndexConfig
from towers.ensemble import Ensemble
from towers.two_tower import TwoTower
from training.corpus import Corpus, make_corpus
from training.data import FilesConfig, load
from training.data.split import SplitConfig, split
from training.datamodule import SequenceData
from training.evaluation.queries import Queries
from training.export import make_parts
from training.fit import EXPECTED_WARNINGS, FitConfig, precision
from training.learning import LearningConfig, Task, make_towers
from training.losses.choose import Loss, choose_loss
from training.questions import ask
from training.retriever import OptimiserConfig, Retriever

EVENTS_A_VIEWER, START_S, DAY_S = 20, 1_600_000_000, 86_400


class Clock(pl.Callback):
    """Tokens and seconds of the steps, the first ones left out."""

    warm_up = 3

    def __init__(self) -> None:
        self.tokens, self.started = 0, 0.0

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:  # noqa: ANN001
        """Count."""
        if batch_idx < self.warm_up:
            self.started = time.perf_counter()
        else:
            self.tokens += int(batch.lengths.sum())
            self.elapsed_s = time.perf_counter() - self.started


def events(num_items: int, num_viewers: int) -> pd.DataFrame:
    """A log in which every item occurs: each once, the other events by a power law."""
    rng = np.random.default_rng(0)
    num_events = max(num_viewers * EVENTS_A_VIEWER, num_items)
    popular = (num_items * rng.random(num_events - num_items) ** 3).astype(np.int64)
    items = rng.permutation(np.concatenate([np.arange(num_items), popular]))
    viewers = np.sort(rng.integers(0, num_viewers, num_events))
    times = START_S + np.sort(rng.integers(0, 300 * DAY_S, num_events))
    return pd.DataFrame({"user_id": viewers, "item_id": items, "timestamp": rng.permutation(times)})


def clear_peak() -> None:
    """Let the peak of resident memory begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_gib() -> tuple[float, float]:
    """Peak of resident memory, and resident memory now."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak, now = (int(status[key].split()[0]) / 2**20 for key in ("VmHWM", "VmRSS"))
    return peak, now


@contextmanager
def measured(name: str) -> Iterator[None]:
    """Print the peak of resident memory and the seconds of a stage."""
    clear_peak()
    started = time.perf_counter()
    yield
    peak, now = memory_gib()
    print(f"{name:28} peak {peak:6.2f} GiB, after {now:5.2f} GiB, {time.perf_counter() - started:6.1f} s", flush=True)


def trainer(*callbacks: pl.Callback, **more: Any) -> pl.Trainer:
    """One epoch without files."""
    return pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        precision=precision("auto"),  # type: ignore[arg-type]
        gradient_clip_val=FitConfig().gradient_clip,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **more,
    )


class Material(NamedTuple):
    """Untrained towers with what they learn from and are asked."""

    corpus: Corpus
    queries: Queries
    towers: TwoTower
    loss: Loss
    data: SequenceData


def material(num_items: int, num_viewers: int) -> Material:
    """The default towers over a log of `events`."""
    with tempfile.TemporaryDirectory() as name, measured("read and check the log"):
        events(num_items, num_viewers).to_parquet(Path(name) / "events.parquet")
        dataset = load(FilesConfig(events=str(Path(name) / "events.parquet")), Path(name))
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    task = Task(parts.train, parts.val)
    config = LearningConfig(max_length=50)
    with measured("corpus, questions, towers"):
        corpus = make_corpus(dataset, task.train, config.max_length, config.content, 0)
        queries = ask(dataset, task.val, corpus.spec, corpus.viewers, "random", 0).sample(640, np.random.default_rng(0))
        towers = make_towers(config.towers, corpus, 0)
        loss = choose_loss(replace(config.fit.loss, name="sampled_softmax"), torch.from_numpy(corpus.counts))
        data = SequenceData(config.batch, corpus.spec, corpus.events, queries, 0)
    print(
        f"{corpus.spec.vocabulary.num_rows:,} rows x {config.towers.dim}, {len(corpus.events.histories.rows):,} events"
    )
    return Material(corpus, queries, towers, loss, data)


def main(table: str, num_items: int, num_viewers: int, steps: int) -> None:
    """One training with the item table dense or sparse; the sparse one is exported beside a second pair of towers, as
    the base recipe does, and its index's recall measured.
    """
    corpus, queries, towers, loss, data = material(num_items, num_viewers)
    optimiser = replace(OptimiserConfig(), item_table=table)
    clock = Clock()
    module = Retriever(towers, loss, optimiser, 0)
    with measured(f"{steps} steps, {table}"):
        trainer(clock, limit_train_batches=steps, limit_val_batches=0).fit(module, datamodule=data)
    print(f"{table}: {clock.tokens / clock.elapsed_s:,.0f} tokens/s, {clock.elapsed_s / (steps - 3):.3f} s a step")
    with measured(f"validation, {len(queries)} queries"):
        trainer().validate(module, datamodule=data, verbose=False)
    if table == "sparse":
        del module, loss
        with measured("export of two pairs, recall"):
            pairs = Ensemble([towers, make_towers(TwoTower.Config(), corpus, 1)]).eval()
            report = make_parts(pairs, corpus, queries, IndexConfig()).index_report
        print(f"index {report.chosen.kind}: recall@{report.k} {report.chosen.recall:.4f}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sizes = [*numbers, *(1_000_000, 100_000, 30)[len(numbers) :]]
    tables = [word for word in sys.argv[1:] if word in {"dense", "sparse"}]
    if not tables:
        for each in ("sparse", "dense"):
            subprocess.run([sys.executable, __file__, each, *map(str, sizes)], check=True)  # noqa: S603 - this file
    else:
        logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
        for message in (*EXPECTED_WARNINGS, ".*limit_val_batches", ".*isinstance"):
            warnings.filterwarnings("ignore", message)
        main(tables[0], *sizes)
