"""A tiny bundle with a hand-made user tower and ranker in ONNX, so that serving is tested without training."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from index.exact import ExactIndex
from ranking.behaviour import FILE as BEHAVIOUR
from ranking.behaviour import Behaviour
from ranking.features import FeatureConfig
from ranking.habits import HABITS, Population, Spread, TitleForms
from ranking.moment import Moment
from ranking.signals import LiveSignals
from ranking.transitions import TransitionTable
from ranking.value import Calibration
from serving.canary import Canary
from serving.catalogue import CatalogueTable
from serving.encoder import UserEncoder
from serving.manifest import ManifestFields
from serving.parts import BundleParts
from serving.publish import publish
from serving.scorer import RankerCard, make_features
from serving.session import open_session
from serving.sources import SourceCounts
from towers.features import FeatureSpec
from towers.history import EMPTY_HISTORY, Action, Histories, History, HistoryBatch
from towers.vocabulary import NUM_RESERVED, Vocabulary

START_MS = 1_700_000_000_000
"""Time of the first event; a viewer's events are a minute apart."""


@dataclass(frozen=True)
class TinyConfig:
    """Size and nature of a tiny bundle; a broken ranker answers NaN."""

    num_items: int = 60
    num_viewers: int = 20
    dim: int = 8
    max_length: int = 10
    seed: int = 0
    has_clock: bool = True
    has_ranker: bool = True
    broken_ranker: bool = False
    num_towers: int = 100
    has_behaviour: bool = False


def item_id(number: int) -> str:
    """External id of an item."""
    return f"item-{number:04d}"


def publish_tiny(out: Path, config: TinyConfig | None = None) -> Path:
    """Publish a tiny bundle; returns its folder."""
    config = config or TinyConfig()
    parts = tiny_parts(config)
    fields = ManifestFields(
        data_fingerprint="tiny", split="none", trained_until_ms=START_MS + 10_000_000, metrics={"val/recall@10": 0.5}
    )
    return publish(out, parts, fields)


def tiny_parts(config: TinyConfig) -> BundleParts:
    """All parts of a tiny bundle."""
    rng = np.random.default_rng(config.seed)
    vocabulary = Vocabulary.fit(item_id(number) for number in range(config.num_items))
    spec = FeatureSpec(
        vocabulary, config.max_length, has_clock=config.has_clock, context_values={"device": ("phone", "tv")}
    )
    vectors = rng.normal(size=(vocabulary.num_rows, config.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:NUM_RESERVED] = 0
    index = ExactIndex.build(vocabulary.item_rows, vectors[NUM_RESERVED:])
    histories, viewers = _histories(config, vocabulary, rng)
    popularity = np.bincount(histories.rows, minlength=vocabulary.num_rows).astype(np.float64)
    tower = user_tower(config.dim)
    canary_history = History.of(vocabulary.item_rows[:3], np.arange(3) * 1000)
    batch = spec.batch([canary_history, EMPTY_HISTORY], np.array([5000, 5000]), [{"device": "tv"}, {}])
    users = _encode(tower, batch, vectors)
    return BundleParts(
        spec=spec,
        item_tokens=vectors,
        item_vectors=vectors,
        index=index,
        user_tower=tower,
        popularity=popularity,
        viewers=viewers,
        histories=histories,
        catalogue=_catalogue(vocabulary),
        canary=Canary.of(batch, users, index),
        ranker_files=_ranker_files(config, spec, vectors) if config.has_ranker else {},
    )


def user_tower(dim: int) -> bytes:
    """Unit vector of: a fixed start + the sum of the tokens + a little of each other input."""
    rng = np.random.default_rng(99)
    weights = {
        name: rng.normal(size=dim).astype(np.float32) for name in ("start", "acting", "sharing", "aging", "where")
    }
    nodes = [
        helper.make_node("ReduceSum", ["tokens", "axis1"], ["summed"], keepdims=0),
        *_weighed("actions", "acting"),
        *_weighed("shares", "sharing"),
        *_weighed("age_s", "aging"),
        *_weighed("context", "where"),
        helper.make_node(
            "Sum", ["summed", "start", "acting_part", "sharing_part", "aging_part", "where_part"], ["raw"]
        ),
        helper.make_node("LpNormalization", ["raw"], ["user"], axis=-1, p=2),
    ]
    constants = [numpy_helper.from_array(np.array([1], dtype=np.int64), "axis1")]
    constants += [numpy_helper.from_array(vector, name) for name, vector in weights.items()]
    constants += [
        numpy_helper.from_array(np.array(scale, dtype=np.float32), f"{name}_scale")
        for name, scale in (("actions", 0.01), ("shares", 0.01), ("age_s", 1e-12), ("context", 0.2))
    ]
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["B", "L", dim]),
        helper.make_tensor_value_info("actions", TensorProto.INT64, ["B", "L"]),
        helper.make_tensor_value_info("shares", TensorProto.INT64, ["B", "L"]),
        helper.make_tensor_value_info("age_s", TensorProto.FLOAT, ["B", "L"]),
        helper.make_tensor_value_info("context", TensorProto.INT64, ["B", "C"]),
    ]
    output = helper.make_tensor_value_info("user", TensorProto.FLOAT, ["B", dim])
    return _model(nodes, inputs, output, constants)


def ranker(weights: NDArray[np.float32], *, is_broken: bool) -> bytes:
    """One logit: the weighted sum of the features; broken, the logarithm of a negative number."""
    nodes = [helper.make_node("MatMul", ["candidates", "weights"], ["sound"])]
    if is_broken:
        nodes = [
            helper.make_node("MatMul", ["candidates", "weights"], ["sum"]),
            helper.make_node("Abs", ["sum"], ["positive"]),
            helper.make_node("Neg", ["positive"], ["negative"]),
            helper.make_node("Sub", ["negative", "one"], ["below"]),
            helper.make_node("Log", ["below"], ["sound"]),
        ]
    nodes.append(helper.make_node("Identity", ["sound"], ["logits"]))
    constants = [
        numpy_helper.from_array(weights[:, None], "weights"),
        numpy_helper.from_array(np.array(1, dtype=np.float32), "one"),
    ]
    inputs = [helper.make_tensor_value_info("candidates", TensorProto.FLOAT, ["K", len(weights)])]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["K", 1])
    return _model(nodes, inputs, output, constants)


def _weighed(given: str, weight: str) -> list[onnx.NodeProto]:
    """Nodes for: sum over the second axis, times a small number, times the weight vector."""
    return [
        helper.make_node("Cast", [given], [f"{given}_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", [f"{given}_float", "axis1"], [f"{given}_sum"], keepdims=1),
        helper.make_node("Mul", [f"{given}_sum", f"{given}_scale"], [f"{given}_small"]),
        helper.make_node("Mul", [f"{given}_small", weight], [f"{weight}_part"]),
    ]


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    output: onnx.ValueInfoProto,
    constants: list[onnx.TensorProto],
) -> bytes:
    graph = helper.make_graph(nodes, "tiny", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    encoded: bytes = model.SerializeToString()
    return encoded


def _encode(tower: bytes, batch: HistoryBatch, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "user_tower.onnx"
        path.write_bytes(tower)
        return UserEncoder(open_session(path)).encode(batch, tokens)


def _histories(config: TinyConfig, vocabulary: Vocabulary, rng: np.random.Generator) -> tuple[Histories, Vocabulary]:
    lengths = rng.integers(1, 15, config.num_viewers)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    total = int(offsets[-1])
    place = np.arange(total) - np.repeat(offsets[:-1], lengths)
    unit_ms = 60_000 if config.has_clock else 1000
    ts_ms = (START_MS if config.has_clock else 0) + place * unit_ms
    actions = rng.choice([Action.CHOSEN, Action.LIKED], total).astype(np.int8)
    rows = rng.choice(vocabulary.item_rows, total)
    viewers = Vocabulary.fit(f"viewer-{number:03d}" for number in range(config.num_viewers))
    return Histories(offsets, rows, ts_ms.astype(np.int64), actions, np.zeros(total, np.int8)), viewers


def _catalogue(vocabulary: Vocabulary) -> CatalogueTable:
    genres = [["Drama"], ["Comedy"], ["Drama", "Horror"], []]
    num_items = len(vocabulary.encoded)
    return CatalogueTable(
        titles=["", "", *(f"Title {number}" for number in range(num_items))],
        genres=[[], [], *(genres[number % 4] for number in range(num_items))],
        maturity=["", "", *(("all", "18")[number % 2] for number in range(num_items))],
    )


def _ranker_files(config: TinyConfig, spec: FeatureSpec, vectors: NDArray[np.float32]) -> Mapping[str, bytes]:
    num_rows, counts = len(vectors), SourceCounts(towers=config.num_towers).by_name()
    signals = LiveSignals(LiveSignals.Config(), num_rows, spec.context_sizes, spec.has_clock)
    moment = Moment(
        user_id=None,
        history=EMPTY_HISTORY,
        ts_ms=START_MS,
        context=spec.context_codes(np.zeros(1, np.int64), [{}])[0],
        vector=None,
        num_rows=num_rows,
        signals=signals,
        transitions=TransitionTable.empty(num_rows),
        vectors_of=lambda rows: vectors[rows],
        behaviour=tiny_behaviour(num_rows) if config.has_behaviour else None,
    )
    features = make_features(FeatureConfig(), tuple(counts), spec)
    names = features.names(moment)
    weights = np.random.default_rng(7).normal(size=len(names)).astype(np.float32)
    card = RankerCard(names, features.request_names(moment), (), counts, {"chosen": 1.0}, {"chosen": Calibration()})
    behaviour = {} if moment.behaviour is None else _file_of(moment.behaviour)
    return behaviour | {
        "ranker.onnx": ranker(weights, is_broken=config.broken_ranker),
        "ranker.json": msgspec.json.encode(card),
    }


def tiny_behaviour(num_rows: int) -> Behaviour:
    """Films and series by turns; everybody does everything half of the time."""
    even = np.arange(num_rows) % 2 == 0
    facts = TitleForms(np.where(even, 100.0, 25.0), ~even, np.eye(4, dtype=np.bool_)[np.arange(num_rows) % 4])
    half, hours = Spread(np.array([0.5, 0.5]), 4.0), Spread(np.full(24, 1 / 24), 10.0)
    return Behaviour(facts, Population((half,) * len(HABITS), hours, Spread(np.zeros(1), 0.0)))


def _file_of(behaviour: Behaviour) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        behaviour.save(Path(folder) / BEHAVIOUR)
        return {BEHAVIOUR: (Path(folder) / BEHAVIOUR).read_bytes()}
