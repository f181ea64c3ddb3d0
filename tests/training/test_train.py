"""The whole road on a small log whose right answer is known: train, publish, evaluate, recommend, serve."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from index.exact import ExactIndex
from serving.assembly import assemble
from serving.bundle import Bundle, locate
from serving.recommender import Recommender
from tests.training.worlds import catalogue, cycle_events
from towers.query import Query
from training.commands.evaluate import EvaluateConfig, evaluate
from training.commands.recommend import RecommendConfig, recommend
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.errors import UsageError
from training.judging import EVALUATION

SMALL = (
    "preset=nano",
    "refit=true",
    "learning.towers.dim=16",
    "learning.batch.batch_tokens=200",
    "learning.batch.min_batches=1",
    "learning.fit.max_epochs=12",
    "learning.fit.optimiser.lr=0.02",
    "learning.fit.optimiser.warmup_steps=5",
    "learning.fit.precision=32-true",
    "ranker.max_epochs=3",
    "index.k=10",
    "tracking.enabled=false",
)


class Trained(NamedTuple):
    folder: Path
    out: Path

    @property
    def words(self) -> list[str]:
        return ["data=files", f"data.events={self.folder}/events.csv", f"data.items={self.folder}/items.csv"]


def run(out: Path, words: Sequence[str], *more: str) -> None:
    train(compose(TrainConfig, "train", [*words, f"out={out}", *SMALL, *more]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("train")
    cycle_events(num_viewers=120).to_csv(folder / "events.csv", index=False)
    catalogue().to_csv(folder / "items.csv", index=False)
    result = Trained(folder, folder / "out")
    run(result.out, result.words)
    return result


@pytest.fixture(scope="module")
def recommender(trained: Trained) -> Recommender:
    return assemble(Bundle.load(trained.out))


def test_the_bundle_tells_where_it_came_from(trained: Trained) -> None:
    manifest = Bundle.load(trained.out).manifest
    judged = Bundle.load(trained.out / EVALUATION).manifest
    assert manifest.split == f"refit after {judged.split}"
    assert manifest.data_fingerprint == judged.data_fingerprint
    assert judged.trained_until_ms < manifest.trained_until_ms
    assert manifest.metrics["test/ndcg@10"] is not None
    assert manifest.index is not None
    assert manifest.index.chosen.recall == 1.0


def test_what_follows_is_recommended_first(recommender: Recommender) -> None:
    hits = 0
    for start in range(24):
        items = [f"i{(start + n) % 24}" for n in range(6)]
        times = tuple(1_600_000_000_000 + 86_400_000 * n for n in range(6))
        query = Query(history=tuple(items), history_ts_ms=times, ts_ms=times[-1] + 86_400_000)
        hits += recommender.recommend(query, 3).items[0] == f"i{(start + 6) % 24}"
    assert hits >= 18


def test_anybody_gets_items(recommender: Recommender) -> None:
    for query in (Query(), Query(user_id="nobody"), Query(history=("unknown",)), Query(user_id="u1")):
        answer = recommender.recommend(query, 5)
        assert len(set(answer.items)) == 5
        assert not answer.degraded


def test_retrieval_equals_exact_search(recommender: Recommender) -> None:
    bundle = recommender.bundle
    exact = ExactIndex.build(bundle.spec.vocabulary.item_rows, bundle.item_vectors[2:])
    for viewer in ("u1", "u2", "nobody"):
        request = recommender.request(Query(user_id=viewer, ts_ms=1_700_000_000_000))
        assert request.vector is not None
        found = recommender.retrieve(Query(user_id=viewer, ts_ms=1_700_000_000_000), 8, filter_seen=False)
        np.testing.assert_array_equal(found.rows, exact.search(request.vector[None], 8).rows[0])


def test_evaluate_prints_every_scorer(trained: Trained, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = [*trained.words, f"bundle={trained.out}", f"out={tmp_path}", "tracking.enabled=false"]
    evaluate(compose(EvaluateConfig, "evaluate", words))
    printed = capsys.readouterr().out
    for name in ("popularity", "ItemKNN", "EASE", "sequential rules", "towers alone", "towers + ranker"):
        assert name in printed
    figures = json.loads((tmp_path / "evaluation.json").read_text())
    assert figures["num_queries"] > 0


def test_evaluate_refuses_questions_the_bundle_has_learned_from(trained: Trained) -> None:
    words = [*trained.words, f"bundle={trained.out}", "split.test_share=0.4", "tracking.enabled=false"]
    with pytest.raises(UsageError, match="may have learned from the test part"):
        evaluate(compose(EvaluateConfig, "evaluate", words))


def test_the_batch_command_answers_as_the_recommender_does(
    trained: Trained, recommender: Recommender, tmp_path: Path
) -> None:
    now = 1_700_000_000
    users = {7: "x", 8: "y", 9: "z"}
    history = [["i1", "i2"], ["i5"], []]
    seconds: list[list[int]] = [[now - 90, now - 60], [now - 60], []]
    asked = {
        "query_id": list(users),
        "user_id": list(users.values()),
        "history": history,
        "history_timestamp": seconds,
        "timestamp": [now, now, now],
        "exclude": history,
    }
    pd.DataFrame(asked).to_parquet(tmp_path / "queries.parquet")
    out = tmp_path / "topk.parquet"
    recommend(RecommendConfig(str(trained.out), str(tmp_path / "queries.parquet"), str(out), k=4))
    answered = pd.read_parquet(out)
    for place, query_id in enumerate(users):
        times = tuple(1000 * second for second in seconds[place])
        query = Query(users[query_id], tuple(history[place]), times, 1000 * now)
        assert answered[answered.query_id == query_id].item_id.tolist() == list(recommender.recommend(query, 4).items)


def test_training_again_keeps_an_old_bundle_until_the_new_one_stands(trained: Trained) -> None:
    before = locate(trained.out)
    run(trained.out, trained.words, "refit=false", "learning.fit.max_epochs=1", "split.test_share=0")
    after = locate(trained.out)
    assert after != before
    assert before.is_dir()
    assert not (trained.out / EVALUATION).exists()


def test_events_without_catalogue_or_clock_train_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"{user} {item}" for user, item in cycle_events(40)[["user_id", "item_id"]].itertuples(index=False)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    with caplog.at_level(logging.INFO):
        run(tmp_path / "out", ["data=files", f"data.events={tmp_path}/pairs.txt"], "learning.fit.max_epochs=2")
    assert "leave_one_out" in caplog.text
    assert assemble(Bundle.load(tmp_path / "out")).recommend(Query(user_id="u3"), 3).items


def test_serving_a_trained_bundle_needs_no_trainer(trained: Trained) -> None:
    code = (
        "import sys; from pathlib import Path; from serving.reload import load_recommender; "
        "from towers.query import Query; import serving.app; "
        "print(len(load_recommender(Path(sys.argv[1])).recommend(Query(), 3).items)); "
        "print(sorted({'torch', 'pytorch_lightning', 'mlflow', 'hydra', 'pandas'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(trained.out)], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["3", "[]"]
