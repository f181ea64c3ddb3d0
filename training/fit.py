"""Runs Lightning over the towers: early stopping, checkpoints, resume, interruption."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar

from towers.two_tower import TwoTower
from training.datamodule import SequenceData
from training.errors import Interrupted
from training.losses.choose import Loss, LossConfig
from training.retriever import OptimiserConfig, Retriever

logger = logging.getLogger(__name__)

MONITOR = "val/ndcg@10"


@dataclass(frozen=True)
class FitConfig:
    """`patience` epochs without a better validation NDCG@10 end training; 0 never ends it early. `max_minutes` of 0
    means no limit; `precision` is Lightning's name, `auto` takes bf16-mixed where the processor has it.
    """

    max_epochs: int = 30
    max_minutes: float = 0.0
    patience: int = 4
    gradient_clip: float = 1.0
    precision: str = "auto"
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


class Curve(NamedTuple):
    """Metrics by epoch, and the epoch (counted from 1) whose weights were kept."""

    epochs: list[dict[str, float]]
    best_epoch: int


class Recorder(Callback):
    """Collects the metrics of each epoch and hands them on as they come."""

    def __init__(self, curve: list[dict[str, float]]) -> None:
        self.curve = curve

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep what was logged."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.curve.append({"epoch": float(trainer.current_epoch + 1), **metrics})

    def state_dict(self) -> dict[str, list[dict[str, float]]]:
        """So that a resumed run shows the whole curve."""
        return {"curve": self.curve}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, float]]]) -> None:
        """Continue an earlier curve."""
        self.curve[:] = state_dict["curve"]


def fit(
    config: FitConfig, towers: TwoTower, loss: Loss, data: SequenceData, folder: Path, seed: int, resume: bool
) -> Curve:
    """Train the towers in place and leave the best weights in them; checkpoints stand in `folder`.

    With `resume`, training continues from the folder's last checkpoint if there is one. Ctrl-C raises `Interrupted`.
    """
    last = folder / "last.ckpt"
    if not resume:
        for old in folder.glob("*.ckpt"):
            old.unlink()
    module = Retriever(towers, loss, config.optimiser, config.max_epochs, seed)
    curve: list[dict[str, float]] = []
    best = ModelCheckpoint(folder, "best", monitor=MONITOR, mode="max", save_last=True, enable_version_counter=False)
    trainer = _trainer(config, folder, [Recorder(curve), best, TQDMProgressBar(refresh_rate=10)])
    start = str(last) if resume and last.exists() else None
    previous = signal.getsignal(signal.SIGINT)
    trainer.fit(module, datamodule=data, ckpt_path=start, weights_only=True)
    signal.signal(signal.SIGINT, previous)
    if trainer.interrupted:
        raise Interrupted(f"stopped; the last finished epoch is in {last}: repeat the command with resume=true to go on")
    load_weights(towers, Path(best.best_model_path) if best.best_model_path else last)
    scores = [epoch.get(MONITOR, 0.0) for epoch in curve]
    return Curve(curve, 1 + max(range(len(scores)), key=scores.__getitem__) if scores else 0)


def load_weights(towers: TwoTower, checkpoint: Path) -> None:
    """Read a checkpoint's tower weights; tensors and plain values only."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    towers.load_state_dict({name.removeprefix("towers."): value for name, value in state.items()})


def _trainer(config: FitConfig, folder: Path, callbacks: list[Callback]) -> pl.Trainer:
    if config.patience:
        callbacks.append(EarlyStopping(MONITOR, mode="max", patience=config.patience))
    return pl.Trainer(
        default_root_dir=folder,
        max_epochs=config.max_epochs,
        max_time={"minutes": config.max_minutes} if config.max_minutes else None,  # type: ignore[dict-item]
        accelerator="auto",
        devices=1,
        precision=precision(config.precision),  # type: ignore[arg-type]
        gradient_clip_val=config.gradient_clip,
        callbacks=callbacks,
        logger=False,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        deterministic="warn",
    )


def precision(name: str) -> str:
    """Lightning's precision for the configured name."""
    if name != "auto":
        return name
    has_bf16 = torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if has_bf16 else "32-true"
