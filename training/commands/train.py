"""`marquee train`: behaviour log -> towers -> index -> ranker -> published bundle, judged on later events."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from index.build import Config as IndexConfig
from ranking.signals import LiveSignals
from serving.bundle import CURRENT, Bundle
from serving.manifest import ManifestFields
from serving.parts import BundleParts
from serving.publish import publish
from training.bag import BagConfig, bag_file
from training.behaviour import behaviour_file, title_forms, traits
from training.data import load
from training.data.dataset import Dataset
from training.data.split import Split, SplitConfig, split
from training.evaluation.record import record
from training.evaluation.table import as_text
from training.export import EvidenceConfig, Exported, make_parts
from training.fit import Stage
from training.item_tables import ItemTablesConfig
from training.judging import EVALUATION, JudgeConfig, judge
from training.learning import Learned, LearningConfig, Task, learn
from training.page_files import PageFilesConfig, page_files
from training.ranker import RankerConfig
from training.ranking_stage import Ranked, rank
from training.records import curves, index_points, run_title, split_in_words
from training.settings import REQUIRED
from training.slates import WATCHING, SlateConfig, SlateLog, learn_slates, learn_watching
from training.tracking import Run, Tracking

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """Learns from `data` and publishes a bundle in the folder `out`, found through `out`/CURRENT.

    `refit` learns once more from all events, for as many epochs as proved best, before publishing; otherwise what is
    published has not seen the validation and test parts. With `refit_epochs` it goes on from the weights it has, for
    that many epochs at half the learning rate. `resume` goes on after an interruption.
    """

    data: Any = REQUIRED
    out: str = REQUIRED
    name: str | None = None
    seed: int = 0
    refit: bool = True
    refit_epochs: int = 0
    resume: bool = False
    keep: int = 3
    learning: LearningConfig = field(default_factory=LearningConfig)
    ranker: RankerConfig = field(default_factory=RankerConfig)
    bag: BagConfig = field(default_factory=BagConfig)
    slates: SlateConfig = field(default_factory=SlateConfig)
    watching: SlateConfig = WATCHING
    signals: LiveSignals.Config = field(default_factory=LiveSignals.Config)
    tables: ItemTablesConfig = field(default_factory=ItemTablesConfig)
    index: IndexConfig = field(default_factory=IndexConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)
    page: PageFilesConfig = field(default_factory=PageFilesConfig)
    tracking: Tracking.Config = field(default_factory=Tracking.Config)


def train(config: TrainConfig) -> None:
    """Train, judge and publish; ends with the table and the place of the bundle."""
    out = Path(config.out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    dataset = load(config.data, out)
    parts = split(dataset, config.split)
    with Tracking(config.tracking).run(config.name or run_title(config.data, datetime.now().astimezone())) as run:
        run.params(config)
        run.tags({"data_fingerprint": dataset.fingerprint, "split": split_in_words(parts)})
        run.metrics({"data/num_events": dataset.report.num_kept, "data/num_bad": sum(dataset.report.bad.values())})
        folder = Training(config, dataset, parts, out, run).publish()
        run.register(folder)
    logger.info("published %s; serve it with: marquee-serve bundle=%s", folder.name, out)


@dataclass(frozen=True)
class Training:
    """One run over one split of one data set."""

    config: TrainConfig
    dataset: Dataset
    parts: Split
    out: Path
    run: Run

    def publish(self) -> Path:
        """Folder of the bundle that CURRENT names at the end."""
        task = Task(self.parts.train, self.parts.val)
        learned = self._learn(task, self.config.learning, "towers")
        events = self.dataset.events
        exported = make_parts(
            learned.towers,
            learned.corpus,
            learned.validation,
            self.config.index,
            events[task.train],
            self._evidence,
        )
        exported = self._with_files(exported, learned, task)
        ranked = self._rank(learned, exported)
        bundle = replace(with_ranker(exported.parts, ranked), page_files=self._page_files(learned, exported))
        metrics = self._note(learned, exported, ranked)
        pointer = EVALUATION if self.config.refit else CURRENT
        fields = msgspec.structs.replace(self._fields(learned, exported, metrics), value_weights=ranked.weights)
        folder = publish(self.out, bundle, fields, pointer=pointer)
        metrics |= self._judge(folder)
        if not self.config.refit:
            (self.out / EVALUATION).unlink(missing_ok=True)
            return folder
        return self._publish_refit(learned, ranked, metrics)

    @property
    def _evidence(self) -> EvidenceConfig:
        return EvidenceConfig(self.config.signals, self.config.tables)

    def _refit_learning(self, learned: Learned) -> LearningConfig:
        learning = self.config.learning
        fit = replace(learning.fit, stop_after=learned.curve.best_epoch, patience=0, keep_last=True)
        if self.config.refit_epochs:
            optimiser = replace(fit.optimiser, lr=fit.optimiser.lr / 2)
            fit = replace(fit, optimiser=optimiser, max_epochs=self.config.refit_epochs, stop_after=0)
        return replace(learning, fit=fit)

    def _learn(self, task: Task, learning: LearningConfig, name: str, start: Learned | None = None) -> Learned:
        def note(epoch: int, metrics: Mapping[str, float]) -> None:
            self.run.metrics({f"{name}/{key}": value for key, value in metrics.items()}, step=epoch)

        stage = Stage(self.out / "checkpoints" / name, self.config.resume, note)
        return learn(learning, self.dataset, task, stage, self.config.seed, start)

    def _with_files(self, exported: Exported, learned: Learned, task: Task) -> Exported:
        """The parts with what answers bags of items, and what pages taught where the log tells of them."""
        histories, num_rows = learned.corpus.events.histories, learned.corpus.spec.vocabulary.num_rows
        files = bag_file(histories, num_rows, self.config.bag, self.config.seed)
        forms = title_forms(self.dataset.items, learned.corpus.spec.vocabulary)
        log = SlateLog(self.dataset.events, task.train, learned.corpus, self.config.seed, traits(forms))
        files |= learn_slates(self.config.slates, log) | learn_watching(self.config.watching, log)
        files |= behaviour_file(forms, self.dataset.events[task.train], learned.corpus)
        parts = replace(exported.parts, ranker_files={**exported.parts.ranker_files, **files})
        return exported._replace(parts=parts)

    def _rank(self, learned: Learned, exported: Exported) -> Ranked:
        with tempfile.TemporaryDirectory(dir=self.out, prefix=".ranking-") as name:
            fields = self._fields(learned, exported, {})
            bundle = Bundle.load(publish(Path(name), exported.parts, fields))
            return rank(self.config.ranker, bundle, learned, self.dataset, self.parts.val, self.out, self.config.seed)

    def _note(self, learned: Learned, exported: Exported, ranked: Ranked) -> dict[str, float]:
        report = ranked.report
        metrics = {
            "val/retrieval/ndcg@10": report.retrieval_ndcg,
            "val/ranker/ndcg@10": report.ranker_ndcg,
            "val/recall_ceiling": report.recall_ceiling,
            **{f"val/ranker/ece/{action}": error for action, error in report.calibration_error.items()},
            **{f"val/ranker/ece_by_chance/{action}": error for action, error in report.error_by_chance.items()},
            f"index/recall@{exported.index_report.k}": exported.index_report.chosen.recall,
        }
        self.run.metrics(metrics)
        self.run.figure(curves(learned.curve), "learning_curves")
        self.run.figure(index_points(exported.index_report), "index_recall_latency")
        return metrics

    def _judge(self, folder: Path) -> dict[str, float]:
        if not self.parts.test.any():
            return {}
        is_live = self.config.ranker.replay
        report = judge(self.config.judge, Bundle.load(folder), self.dataset, self.parts, is_live=is_live)
        record(report, self.run)
        print(as_text(report))
        return report.metrics()

    def _publish_refit(self, learned: Learned, ranked: Ranked, metrics: dict[str, float]) -> Path:
        """Learn from everything for the best number of epochs; the ranker's weights stay, its statistics follow."""
        start = learned if self.config.refit_epochs else None
        num_epochs = self.config.refit_epochs or learned.curve.best_epoch
        logger.info("refit: learning from all events for %d epochs", num_epochs)
        everything = Task(self.parts.train | self.parts.val | self.parts.test, self.parts.val | self.parts.test)
        refitted = self._learn(everything, self._refit_learning(learned), "refit", start)
        events = self.dataset.events[everything.train]
        exported = make_parts(
            refitted.towers, refitted.corpus, refitted.validation, self.config.index, events, self._evidence
        )
        exported = self._with_files(exported, refitted, everything)
        bundle = replace(with_ranker(exported.parts, ranked), page_files=self._page_files(refitted, exported))
        fields = self._fields(refitted, exported, metrics, f"refit after {split_in_words(self.parts)}")
        fields = msgspec.structs.replace(fields, value_weights=ranked.weights)
        return publish(self.out, bundle, fields, keep=self.config.keep)

    def _page_files(self, learned: Learned, exported: Exported) -> dict[str, bytes]:
        """What the homepage reads, fitted on what the towers learned from."""
        events = self.dataset.events
        known = replace(self.dataset, events=events[events["ts_ms"] <= learned.corpus.trained_until_ms])
        parts = exported.parts
        return page_files(
            self.config.page, known, parts.spec.vocabulary, parts.viewers, parts.histories, parts.item_vectors
        )

    def _fields(
        self, learned: Learned, exported: Exported, metrics: dict[str, float], words: str | None = None
    ) -> ManifestFields:
        return ManifestFields(
            data_fingerprint=self.dataset.fingerprint,
            split=words or split_in_words(self.parts),
            trained_until_ms=learned.corpus.trained_until_ms,
            metrics=dict(metrics),
            index=exported.index_report,
            index_filters=exported.index_filters or msgspec.UNSET,
        )


def with_ranker(parts: BundleParts, ranked: Ranked) -> BundleParts:
    """The parts of a bundle with a ranker among them."""
    return replace(parts, ranker_files={**parts.ranker_files, **ranked.files})
