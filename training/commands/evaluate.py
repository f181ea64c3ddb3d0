"""`marquee evaluate`: a published bundle beside counting models, on events it has not learned from."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from serving.bundle import Bundle
from training.data import load
from training.data.dataset import Dataset
from training.data.split import Split, SplitConfig, split
from training.errors import UsageError
from training.evaluation.artefacts import save_report
from training.evaluation.record import record
from training.evaluation.table import as_text
from training.judging import EVALUATION, JudgeConfig, judge
from training.records import run_title, split_in_words
from training.settings import REQUIRED
from training.tracking import Tracking

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluateConfig:
    """Judges the bundle in the folder `bundle` on the test part of `data`, cut as in training.

    The table is printed and tracked; with `out`, a folder, it is also written there as text, JSON and ranks.
    """

    bundle: str = REQUIRED
    data: Any = REQUIRED
    out: str | None = None
    split: SplitConfig = field(default_factory=SplitConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)
    tracking: Tracking.Config = field(default_factory=Tracking.Config)


def evaluate(config: EvaluateConfig) -> None:
    """Print the table of popularity, ItemKNN, EASE, sequential rules, towers alone, towers + ranker."""
    folder = Path(config.bundle).expanduser()
    bundle = Bundle.load(folder / EVALUATION if (folder / EVALUATION).is_file() else folder)
    dataset = load(config.data, Path(config.out or config.bundle).expanduser())
    parts = split(dataset, config.split)
    refuse_leak(bundle, dataset, parts)
    title = run_title(config.data, datetime.now().astimezone())
    with Tracking(config.tracking).run(f"evaluate {title}") as run:
        run.params(config)
        run.tags({"data_fingerprint": dataset.fingerprint, "bundle": bundle.version})
        report = judge(config.judge, bundle, dataset, parts)
        record(report, run)
    if config.out:
        save_report(report, Path(config.out).expanduser())
    print(as_text(report))


def refuse_leak(bundle: Bundle, dataset: Dataset, parts: Split) -> None:
    """A UsageError unless the test part was held out when the bundle was trained."""
    if not parts.test.any():
        raise UsageError("the split holds no test part, so there is nothing to judge on; give split.test_share=0.1")
    same_data = dataset.fingerprint == bundle.manifest.data_fingerprint
    if same_data and split_in_words(parts) == bundle.manifest.split:
        return
    first = int(dataset.events["ts_ms"].to_numpy()[parts.test].min())
    if first <= bundle.manifest.trained_until_ms:
        raise UsageError(
            f"bundle {bundle.version} may have learned from the test part, having «{bundle.manifest.split}»; "
            "give the data and split options of that training, or events that are all later"
        )
    logger.info("the bundle was trained on other data; all questions are later than it")
