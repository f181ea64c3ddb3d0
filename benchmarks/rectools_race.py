"""CPU time to RecTools' NDCG@10: rectools_race.py EVENTS.parquet [EPOCHS] [PYTHON_WITH_RECTOOLS] [VIEWERS_A_STEP].

Each viewer's last event is the question, the events before it are learned from; both have the same width, depth, heads,
history length, full softmax and precision, one thread each. RecTools trains for EPOCHS, then the default towers until
their NDCG@10 is as good. Only training is timed, not what is read, validated or answered.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rectools_model import LENGTH, is_missing, model


def stopwatch() -> Any:
    """A callback that adds up the CPU seconds of the training half of each epoch."""
    import pytorch_lightning as pl

    class Stopwatch(pl.Callback):
        started, spent_s, done = 0.0, 0.0, 0

        def on_train_epoch_start(self, trainer, module) -> None:  # noqa: ANN001
            """Start."""
            self.started = time.process_time()

        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:  # noqa: ANN001
            """Stop; validation comes later."""
            now = time.process_time()
            self.spent_s += now - self.started
            self.started = now

        def on_train_epoch_end(self, trainer, module) -> None:  # noqa: ANN001
            """Tell."""
            self.done += 1
            ndcg = trainer.callback_metrics.get("val/ndcg@10")
            told = "" if ndcg is None else f", NDCG@10 {float(ndcg):.4f}"
            print(f"epoch {self.done}: {self.spent_s:,.0f} CPU s{told}", flush=True)

    return Stopwatch()


def ours(events: str, goal: float) -> None:
    """The default recipe, validated after each epoch, until NDCG@10 reaches the goal."""
    import pytorch_lightning as pl
    import torch

    from training.corpus import make_corpus
    from training.data import FilesConfig, load
    from training.data.split import SplitConfig, split
    from training.datamodule import SequenceData
    from training.fit import FitConfig, precision
    from training.learning import LearningConfig, make_towers
    from training.losses.choose import choose_loss
    from training.questions import ask
    from training.retriever import OptimiserConfig, Retriever

    class Goal(pl.Callback):
        def on_train_epoch_end(self, trainer, module) -> None:  # noqa: ANN001
            """End training where the goal is reached."""
            trainer.should_stop = trainer.should_stop or float(trainer.callback_metrics["val/ndcg@10"]) >= goal

    torch.set_num_threads(1)
    config = LearningConfig(max_length=LENGTH)
    with tempfile.TemporaryDirectory() as name:
        dataset = load(FilesConfig(events=events), Path(name))
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    corpus = make_corpus(dataset, parts.train, config.max_length, config.content, 0)
    queries = ask(dataset, parts.val, corpus.spec, corpus.viewers, "last", 0)
    loss = choose_loss(config.fit.loss, torch.from_numpy(corpus.counts))
    module = Retriever(make_towers(config.towers, corpus, 0), loss, OptimiserConfig(), 0)
    batch = config.batch.__class__(max_queries=len(queries))
    trainer = pl.Trainer(
        max_epochs=FitConfig().max_epochs,
        accelerator="cpu",
        precision=precision("auto"),  # type: ignore[arg-type]
        gradient_clip_val=FitConfig().gradient_clip,
        callbacks=[stopwatch(), Goal()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, datamodule=SequenceData(batch, corpus.spec, corpus.events, queries, 0))


def theirs(events: str, epochs: int, batch: int) -> None:
    """RecTools' SASRec with LiGR layers through its own `fit`, then its own `recommend` without what was seen."""
    import pandas as pd
    import pytorch_lightning as pl
    import torch
    from rectools.dataset import Dataset

    torch.set_num_threads(1)
    torch.manual_seed(0)
    table = pd.read_parquet(events)[["user_id", "item_id", "timestamp"]]
    table = table.sort_values(["user_id", "timestamp"], kind="stable")
    is_last = ~table.duplicated("user_id", keep="last")
    train, asked = table[~is_last], table[is_last]
    asked = asked[asked.item_id.isin(train.item_id)]
    place = train.groupby("user_id").cumcount()  # ties of the clock keep the order of the file
    rival = model(
        batch,
        lambda: pl.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            precision="bf16-mixed",
            callbacks=[stopwatch()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ),
    )
    dataset = Dataset.construct(
        train.assign(weight=1, datetime=pd.to_datetime(place, unit="D")).drop(columns="timestamp")
    )
    rival.fit(dataset)
    found = rival.recommend(asked.user_id.to_numpy(), dataset, k=10, filter_viewed=True)
    hits = asked.merge(found, on=["user_id", "item_id"])
    print(f"NDCG@10 {(1 / np.log2(hits['rank'] + 1)).sum() / len(asked):.4f} of {len(asked):,} viewers", flush=True)


def main(events: str, epochs: int, python: str, batch: int) -> None:
    """Print both curves and the ratio of the CPU seconds; without RecTools say so and end."""
    if is_missing(python):
        return
    print(f"RecTools, {batch} viewers a step")
    said = _told([python, "-W", "ignore", __file__, events, "theirs", str(epochs), str(batch)])
    goal = float(said[-1].split()[1])
    print("Marquee")
    reached = _told([sys.executable, "-W", "ignore", __file__, events, "ours", str(goal)])
    seconds = [float(lines[-1].split()[2].replace(",", "")) for lines in (said[:-1], reached)]
    is_reached = float(reached[-1].split()[-1]) >= goal
    print(f"{seconds[1] / seconds[0]:.2f} of RecTools' CPU time" if is_reached else "not reached")


def _told(words: list[str]) -> list[str]:
    """What a process printed of its epochs and its end, passed on as it comes."""
    lines = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}) as process:  # noqa: S603
        for line in process.stdout or []:
            if line.startswith(("epoch ", "NDCG@10 ")):
                print(line, end="", flush=True)
                lines.append(line.strip())
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed")
    return lines


if __name__ == "__main__":
    if sys.argv[2:3] == ["ours"]:
        ours(sys.argv[1], float(sys.argv[3]))
    elif sys.argv[2:3] == ["theirs"]:
        theirs(sys.argv[1], int(sys.argv[3]), int(sys.argv[4]))
    else:
        given = [*sys.argv[2:], *("12", sys.executable, "128")[len(sys.argv) - 2 :]]
        main(sys.argv[1], int(given[0]), given[1], int(given[2]))
