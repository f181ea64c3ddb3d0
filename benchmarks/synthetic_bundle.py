"""A bundle of real shapes without training, to time requests at any size: synthetic_bundle.py ITEMS FOLDER.

Weights are drawn, so answers mean nothing; towers (two pairs, as in the base recipe), head, index, histories,
transitions and live counts are of full size. The drawn weights are kept as FOLDER/weights.pt for the naive stack.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import torch

from index.build import Config as IndexConfig
from index.build import build
from ranking.features import FeatureConfig
from ranking.model import RankingHead
from ranking.signals import LiveSignals
from ranking.transitions import FILE as TRANSITIONS
from serving.assembly import assemble, blank_moment
from serving.bundle import Bundle
from serving.canary import Canary
from serving.catalogue import CatalogueTable
from serving.encoder import UserEncoder
from serving.manifest import ManifestFields
from serving.parts import BundleParts
from serving.publish import publish
from serving.scorer import RankerCard, make_features
from serving.session import open_session
from towers.ensemble import Ensemble
from towers.features import FeatureSpec
from towers.history import Histories, History
from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.evaluation.baselines.sequential_rules import TransitionConfig, fit_transitions
from training.export import item_arrays
from training.onnx_export import ranker_onnx, user_tower_onnx
from training.warm import signals_file

DIM, MAX_LENGTH, NUM_VIEWERS, EVENTS_A_VIEWER, START_MS = 64, 200, 2000, 200, 1_700_000_000_000
NUM_NEW: Final = 30
NUM_PAIRS: Final = 2
WEIGHTS: Final = "weights.pt"
SOURCES = {"towers": 400, "rules": 150, "trending": 40, "popularity": 20}
FIELDS = ManifestFields(data_fingerprint="drawn", split="none", trained_until_ms=START_MS + 10**9, metrics={})


def histories(vocabulary: Vocabulary, rng: np.random.Generator) -> Histories:
    """Viewers who walk among neighbouring items."""
    total = NUM_VIEWERS * EVENTS_A_VIEWER
    steps = rng.integers(-20, 21, size=(NUM_VIEWERS, EVENTS_A_VIEWER)).cumsum(axis=1)
    items = (rng.integers(len(vocabulary.encoded), size=(NUM_VIEWERS, 1)) + steps) % len(vocabulary.encoded)
    ones, zeros = np.full(total, 2, np.int8), np.zeros(total, np.int8)
    times = START_MS + np.tile(np.arange(EVENTS_A_VIEWER) * 3_600_000, NUM_VIEWERS)
    offsets = np.arange(NUM_VIEWERS + 1) * EVENTS_A_VIEWER
    return Histories(offsets, items.ravel() + NUM_RESERVED, times, ones, zeros)


def parts(num_items: int, folder: Path) -> tuple[BundleParts, Ensemble]:
    """Everything but the ranker, and the towers behind it."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    vocabulary = Vocabulary.fit(f"item-{number}" for number in range(num_items))
    spec = FeatureSpec(vocabulary, MAX_LENGTH, context_values={"device": ("phone", "tv")})
    towers = _towers(spec)
    tokens, vectors = item_arrays(towers)
    built = build(vocabulary.item_rows, vectors[NUM_RESERVED:], vectors[NUM_RESERVED::50][:200], IndexConfig())
    walked = histories(vocabulary, rng)
    tower = user_tower_onnx(towers)
    (folder / "user_tower.onnx").write_bytes(tower)
    batch = spec.batch([walked.of(0), History(*walked.of(1))], np.full(2, START_MS + 10**9), [{}, {}])
    users = UserEncoder(open_session(folder / "user_tower.onnx")).encode(batch, tokens)
    fit_transitions(walked, vocabulary.num_rows, TransitionConfig()).save(folder / TRANSITIONS)
    titles = ["", "", *vocabulary.ids(vocabulary.item_rows)]
    live = signals(vocabulary, spec, walked)
    made = BundleParts(
        spec=spec,
        item_tokens=tokens,
        item_vectors=vectors,
        index=built.index,
        user_tower=tower,
        popularity=np.bincount(walked.rows, minlength=vocabulary.num_rows).astype(np.float64),
        viewers=Vocabulary.fit(f"viewer-{number:05d}" for number in range(NUM_VIEWERS)),
        histories=walked,
        catalogue=CatalogueTable(titles, [[]] * len(titles), [""] * len(titles)),
        canary=Canary.of(batch, users, built.index),
        ranker_files={TRANSITIONS: (folder / TRANSITIONS).read_bytes(), **signals_file(live)},
    )
    return made, towers


def signals(vocabulary: Vocabulary, spec: FeatureSpec, walked: Histories) -> LiveSignals:
    """Live counts after all walks; of what follows what, after the newest steps."""
    counted = LiveSignals(LiveSignals.Config(), vocabulary.num_rows, spec.context_sizes, has_clock=True)
    counted.velocity.add_many(walked.rows, walked.ts_ms)
    counted.count_first(np.bincount(walked.rows, minlength=vocabulary.num_rows).astype(bool) * float(START_MS))
    for viewer in range(walked.num_viewers):
        history = walked.of(viewer).last(NUM_NEW)
        for place in range(1, NUM_NEW):
            counted.follow(
                history.rows[:place], history.ts_ms[:place], int(history.rows[place]), int(history.ts_ms[place])
            )
    return counted


class Drawn(NamedTuple):
    """The drawn models."""

    towers: Ensemble
    head: RankingHead

    def save(self, path: Path) -> None:
        """Write their weights."""
        torch.save({"towers": self.towers.state_dict(), "head": self.head.state_dict()}, path)

    @classmethod
    def load(cls, path: Path, bundle: Bundle) -> Drawn:
        """Read what `save` wrote."""
        weights, card = torch.load(path, weights_only=True), RankerCard.load(bundle.folder)
        towers, head = _towers(bundle.spec), _head(len(card.request), len(card.candidates))
        towers.load_state_dict(weights["towers"])
        head.load_state_dict(weights["head"])
        return cls(towers.eval(), head.eval())


def _towers(spec: FeatureSpec) -> Ensemble:
    shape = TwoTower.Config(dim=DIM), spec.vocabulary.num_rows, MAX_LENGTH, spec.context_sizes
    return Ensemble([TwoTower(*shape) for _ in range(NUM_PAIRS)]).eval()


def _head(num_request: int, num_candidate: int) -> RankingHead:
    return RankingHead(RankingHead.Config(), num_request, num_candidate, NUM_PAIRS * DIM, 1).eval()


def ranker(bundle: Bundle, towers: Ensemble, out: Path) -> Mapping[str, bytes]:
    """A head of the default width over the default features."""
    features = make_features(FeatureConfig(), tuple(SOURCES), bundle.spec)
    moment = blank_moment(bundle, assemble(bundle).state)
    names, request = features.names(moment), features.request_names(moment)
    head = _head(len(request), len(names))
    torch.nn.init.normal_(head.heads, std=0.1)
    Drawn(towers, head).save(out / WEIGHTS)
    card = RankerCard(names, request, FeatureConfig().without, SOURCES, {"chosen": 1.0}, {})
    return {"ranker.onnx": ranker_onnx(head, NUM_PAIRS * DIM), "ranker.json": msgspec.json.encode(card)}


def main(num_items: int, out: Path) -> None:
    """Publish twice: the features' names need a loaded bundle."""
    out.mkdir(parents=True, exist_ok=True)
    made, towers = parts(num_items, out)
    bundle = Bundle.load(publish(out, made, FIELDS))
    files = {**made.ranker_files, **ranker(bundle, towers, out)}
    made = replace(made, ranker_files=files)
    print(publish(out, made, FIELDS, keep=1))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
