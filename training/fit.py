"""Runs Lightning over the towers: early stopping, checkpoints, resume, interruption."""

from __future__ import annotations

import json
import logging
import signal
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar

from towers.two_tower import TwoTower
from training.averaging import RunningMean
from training.datamodule import SequenceData
from training.errors import Interrupted
from training.losses.choose import Loss, LossConfig
from training.processes import Place, company, strategy
from training.retriever import OptimiserConfig, Retriever
from training.sharding import Sharding, check_sharding

logger = logging.getLogger(__name__)

MONITOR = "val/ndcg@10"
LAST = "last.ckpt"
FINISHED = "finished.json"
EXPECTED_WARNINGS = (
    ".*isinstance.treespec, LeafSpec.* is deprecated",  # Lightning's own use of torch
    "Checkpoint directory .* exists and is not empty",  # the one to resume from
    ".*does not have many workers",  # a batch is a few gathers
    ".*number of training batches .* is smaller than the logging interval",
    "`broadcast_buffers` is deprecated",  # its successor is unknown to torch 2.11
)
OnEpoch = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class FitConfig:
    """`patience` epochs without a better validation NDCG@10 end training; 0 never ends it early. `max_minutes` of 0
    means no limit; `precision` is Lightning's name, `auto` takes bf16-mixed where the processor has it.

    `stop_after` ends training after that many of `max_epochs` epochs, whose learning rates stay as planned (0: after
    all); `keep_last` keeps the last weights instead of the best. `averaged_steps` judges and keeps a running mean of
    the weights over about that many steps (0: the weights as they are). `devices` share each batch, whose gradient
    stays the mean over all its positions: processes on a CPU, else accelerators.
    """

    max_epochs: int = 20
    stop_after: int = 0
    keep_last: bool = False
    averaged_steps: int = 0
    max_minutes: float = 0.0
    patience: int = 4
    gradient_clip: float = 1.0
    precision: str = "auto"
    devices: int = 1
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


class Curve(NamedTuple):
    """Metrics by epoch, and the epoch (counted from 1) whose weights were kept."""

    epochs: list[dict[str, float]]
    best_epoch: int


class Recorder(Callback):
    """Collects the metrics of each epoch and hands them on as they come."""

    def __init__(self, curve: list[dict[str, float]], on_epoch: OnEpoch) -> None:
        self.curve = curve
        self.on_epoch = on_epoch

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep what was logged."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.curve.append(metrics)
        self.on_epoch(len(self.curve), metrics)

    def state_dict(self) -> dict[str, list[dict[str, float]]]:
        """So that a resumed run shows the whole curve."""
        return {"curve": self.curve}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, float]]]) -> None:
        """Continue an earlier curve."""
        self.curve[:] = state_dict["curve"]


class StopAfter(Callback):
    """Ends training after a number of epochs."""

    def __init__(self, num_epochs: int) -> None:
        self.num_epochs = num_epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell the trainer."""
        trainer.should_stop = trainer.should_stop or trainer.current_epoch + 1 >= self.num_epochs


def _tell_nobody(epoch: int, metrics: Mapping[str, float]) -> None:
    """For processes whose epochs are another's to tell."""


@dataclass(frozen=True)
class Stage:
    """One training in a run: its checkpoints stand in `folder`, where `resume` finds them again.

    `on_epoch` gets the number of each finished epoch, from 1, and its metrics.
    """

    folder: Path
    resume: bool = False
    on_epoch: OnEpoch = _tell_nobody

    def of(self, member: int) -> Stage:
        """The stage of a pair of towers: the first has this one, each other a folder and metrics of its own."""
        if member == 0:
            return self
        name, tell = f"pair_{member + 1}", self.on_epoch
        folder = self.folder.with_name(f"{self.folder.name}_{name}")

        def note(epoch: int, metrics: Mapping[str, float]) -> None:
            tell(epoch, {f"{name}/{metric}": value for metric, value in metrics.items()})

        return Stage(folder, self.resume, note)


def fit(config: FitConfig, towers: TwoTower, loss: Loss, data: SequenceData, stage: Stage, seed: int) -> Curve:
    """Train the towers in place and leave the best weights in them.

    With `resume`, training goes on from the stage's last checkpoint, or takes its result when it had finished.
    Ctrl-C raises `Interrupted`.
    """
    if config.optimiser.item_table == "sharded":
        check_sharding(config.devices, loss)
    if not stage.resume:
        _clear(stage.folder)
    finished = stage.folder / FINISHED
    if not finished.exists():
        module = Retriever(towers, loss, config.optimiser, seed)
        with company(config.devices, partial(_run, config, module, data, Stage(stage.folder))) as place:
            result = _run(config, module, data, stage, place)
        finished.write_text(json.dumps(result))
    result = json.loads(finished.read_text())
    load_weights(towers, stage.folder / result["weights"])
    curve: list[dict[str, float]] = result["curve"]
    scores = [epoch.get(MONITOR, 0.0) for epoch in curve]
    return Curve(curve, 1 + max(range(len(scores)), key=scores.__getitem__))


def _run(
    config: FitConfig, module: Retriever, data: SequenceData, stage: Stage, place: Place | None
) -> dict[str, object]:
    """Train as one process of `devices`; what the file FINISHED is to say."""
    logging.getLogger(pl.__name__).setLevel(logging.WARNING)  # its import turned hints and greetings on
    curve: list[dict[str, float]] = []
    best = ModelCheckpoint(
        stage.folder,
        "best",
        monitor=MONITOR,
        mode="max",
        save_last=True,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )
    callbacks = [Recorder(curve, stage.on_epoch), best, TQDMProgressBar(refresh_rate=10)]
    if config.averaged_steps:
        callbacks.insert(0, RunningMean(config.averaged_steps))
    if config.optimiser.item_table == "sharded":
        callbacks.insert(0, Sharding(module.towers.item, config.optimiser.sharded_lr))
    trainer = _trainer(config, stage.folder, callbacks, place)
    last = stage.folder / LAST
    handler = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings():
        for message in EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message)
        try:
            trainer.fit(module, datamodule=data, ckpt_path=str(last) if last.exists() else None, weights_only=True)
        except SystemExit:  # how Lightning ends after Ctrl-C
            if not trainer.interrupted:
                raise
    signal.signal(signal.SIGINT, handler)
    if trainer.interrupted:
        raise Interrupted(f"stopped; finished epochs are kept in {last}: repeat the command with resume=true to go on")
    weights = last.name if config.keep_last else Path(best.best_model_path or last).name
    return {"weights": weights, "curve": curve}


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.ckpt"), folder / FINISHED):
        old.unlink(missing_ok=True)


def load_weights(towers: TwoTower, checkpoint: Path) -> None:
    """Read a checkpoint's tower weights; tensors and plain values only."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    towers.load_state_dict({name.removeprefix("towers."): value for name, value in state.items()})


def _trainer(config: FitConfig, folder: Path, callbacks: list[Callback], place: Place | None) -> pl.Trainer:
    if config.stop_after:
        callbacks.append(StopAfter(config.stop_after))
    if config.patience:
        callbacks.append(EarlyStopping(MONITOR, mode="max", patience=config.patience))
    return pl.Trainer(
        default_root_dir=folder,
        max_epochs=config.max_epochs,
        max_time={"minutes": config.max_minutes} if config.max_minutes else None,  # type: ignore[dict-item]
        accelerator="auto",
        devices=config.devices,
        strategy=strategy(place),
        use_distributed_sampler=False,
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
