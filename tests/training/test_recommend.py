from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.service import Service
from tests.bundles import START_MS, TinyConfig, item_id, publish_tiny
from tests.serving.running import running
from towers.query import Query
from training.commands.recommend import Answer, RecommendConfig, recommend, write
from training.errors import UsageError

NOW_S = START_MS // 1000 + 100_000
NUM_ITEMS = TinyConfig.num_items


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    publish_tiny(folder)
    return folder


@pytest.fixture(scope="module")
def bundle(out: Path) -> Bundle:
    return Bundle.load(out)


def make_queries(path: Path, num_queries: int = 500) -> pd.DataFrame:
    """Queries of random histories, half of them of known viewers, in the form of the judge's files."""
    rng = np.random.default_rng(3)
    lengths = rng.integers(0, 12, num_queries)
    histories = [[item_id(number) for number in rng.integers(0, NUM_ITEMS + 3, length)] for length in lengths]
    queries = pd.DataFrame(
        {
            "query_id": np.arange(num_queries) * 7,
            "user_id": [f"viewer-{number:03d}" for number in rng.integers(0, 40, num_queries)],
            "history": histories,
            "history_timestamp": [(NOW_S - 1000 + np.arange(length)).tolist() for length in lengths],
            "timestamp": NOW_S + rng.integers(0, 86_400, num_queries),
            "exclude": [history[:2] for history in histories],
            "device": rng.choice(["tv", "phone", "toaster"], num_queries),
            "unknown_column": 1,
        }
    )
    queries.to_parquet(path, index=False)
    return queries


def answered(out: Path, queries: Path, target: Path, **options: object) -> pd.DataFrame:
    recommend(RecommendConfig(str(out), str(queries), str(target), **options))  # type: ignore[arg-type]
    return pd.read_parquet(target)


def test_the_batch_gives_bit_for_bit_what_http_gives(out: Path, bundle: Bundle, tmp_path: Path) -> None:
    queries = make_queries(tmp_path / "queries.parquet")
    answers = answered(out, tmp_path / "queries.parquet", tmp_path / "topk.parquet", k=20)
    assert set(answers.query_id) == set(queries.query_id)
    with running(create_app(Service(assemble(bundle), Metrics()))) as client:
        for query in queries.to_dict("records"):
            body = {
                "user_id": query["user_id"],
                "history": list(query["history"]),
                "history_timestamps": list(query["history_timestamp"]),
                "timestamp": query["timestamp"],
                "exclude": list(query["exclude"]),
                "context": {"device": query["device"]},
                "k": 20,
            }
            answer = client.post("/v1/recommend", json=body).json()
            part = answers[answers.query_id == query["query_id"]]
            assert answer["items"] == part.item_id.tolist()
            assert answer["scores"] == part.score.tolist()


def test_lists_are_ranked_from_one_and_hold_nothing_seen_excluded_or_twice(out: Path, tmp_path: Path) -> None:
    queries = make_queries(tmp_path / "queries.parquet", 50).set_index("query_id")
    answers = answered(out, tmp_path / "queries.parquet", tmp_path / "topk.parquet", k=100)
    for query_id, part in answers.groupby("query_id"):
        known = {item for item in queries.history[query_id] if item < item_id(NUM_ITEMS)}
        assert part["rank"].tolist() == list(range(1, NUM_ITEMS - len(known) + 1))
        assert part.item_id.is_unique
        assert not set(part.item_id) & known
    assert answers.columns.tolist() == ["query_id", "rank", "item_id", "score", "propensity"]


def test_filter_seen_off_lets_the_history_back_but_never_the_excluded(out: Path, tmp_path: Path) -> None:
    queries = make_queries(tmp_path / "queries.parquet", 50).set_index("query_id")
    answers = answered(out, tmp_path / "queries.parquet", tmp_path / "topk.parquet", filter_seen=False)
    for query_id, part in answers.groupby("query_id"):
        excluded = {item for item in queries.exclude[query_id] if item < item_id(NUM_ITEMS)}
        assert set(part.item_id) == {item_id(number) for number in range(NUM_ITEMS)} - excluded


def test_without_the_ranker_lists_are_in_the_order_of_retrieval(out: Path, bundle: Bundle, tmp_path: Path) -> None:
    frame = pd.DataFrame({"query_id": [1, 2], "user_id": ["viewer-001", "viewer-002"], "timestamp": NOW_S})
    frame.to_parquet(tmp_path / "queries.parquet")
    plain = answered(out, tmp_path / "queries.parquet", tmp_path / "plain.parquet", k=10, use_ranker=False)
    ranked = answered(out, tmp_path / "queries.parquet", tmp_path / "ranked.parquet", k=10)
    assert plain.item_id.tolist() != ranked.item_id.tolist()
    scores = plain[plain.query_id == 1].score.to_numpy()
    assert np.all(np.diff(scores) <= 0)
    assert np.all(np.abs(scores) <= 1.0001)


def test_the_stream_is_seen_strictly_before_each_query(out: Path, tmp_path: Path) -> None:
    events = pd.DataFrame(
        {
            "user_id": "someone new",
            "item_id": [item_id(number) for number in (5, 6, 7)],
            "timestamp": [NOW_S + 10, NOW_S + 20, NOW_S + 30],
        }
    )
    events.iloc[::-1].to_parquet(tmp_path / "stream.parquet")
    moments = [NOW_S + 31, NOW_S + 10, NOW_S + 20, NOW_S + 11, NOW_S + 21]
    frame = pd.DataFrame({"query_id": range(5), "user_id": "someone new", "timestamp": moments})
    frame.to_parquet(tmp_path / "queries.parquet")
    stream = str(tmp_path / "stream.parquet")
    answers = answered(out, tmp_path / "queries.parquet", tmp_path / "topk.parquet", stream=stream)
    seen = {
        query_id: {5, 6, 7} - {int(item.removeprefix("item-")) for item in part.item_id}
        for query_id, part in answers.groupby("query_id")
    }
    assert seen == {0: {5, 6, 7}, 1: set(), 2: {5}, 3: {5}, 4: {5, 6}}


def test_a_history_in_the_file_wins_over_the_stream(out: Path, tmp_path: Path) -> None:
    events = pd.DataFrame({"user_id": "u", "item_id": [item_id(5)], "timestamp": [NOW_S]})
    events.to_parquet(tmp_path / "stream.parquet")
    frame = pd.DataFrame(
        {"query_id": [0], "user_id": ["u"], "history": [[item_id(9)]], "history_timestamp": [[NOW_S]]}
    ).assign(timestamp=NOW_S + 5)
    frame.to_parquet(tmp_path / "queries.parquet")
    stream = str(tmp_path / "stream.parquet")
    answers = answered(out, tmp_path / "queries.parquet", tmp_path / "topk.parquet", stream=stream)
    assert item_id(5) in set(answers.item_id)
    assert item_id(9) not in set(answers.item_id)


def test_an_unfinished_file_is_never_seen(bundle: Bundle, tmp_path: Path) -> None:
    def interrupted() -> Iterator[Answer]:
        recommender = assemble(bundle)
        for query_id in range(3000):
            yield Answer(query_id, recommender.recommend(Query(), 1))
            if query_id == 1500:
                raise KeyboardInterrupt

    target = tmp_path / "topk.parquet"
    target.write_text("the old one")
    with pytest.raises(KeyboardInterrupt):
        write(interrupted(), target)
    assert target.read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["topk.parquet"]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"user_id": ["u"]}, "no column query_id"),
        ({"query_id": [1], "history": [5]}, "column history is int64"),
        ({"query_id": [1], "history": [["a"]], "history_timestamp": [[None]]}, "history_timestamp holds a time"),
        ({"query_id": [1], "history": [["a"]], "history_timestamp": [[1, 2]]}, "2 times for a history of 1"),
    ],
)
def test_wrong_queries_are_named(out: Path, tmp_path: Path, columns: dict[str, list[object]], says: str) -> None:
    path = tmp_path / "queries.parquet"
    pd.DataFrame(columns).to_parquet(path)
    with pytest.raises(ValueError, match=says):
        answered(out, path, tmp_path / "topk.parquet")


def test_wrong_options_are_named(out: Path, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(UsageError, match="k=0"):
        RecommendConfig("b", "q", "o.parquet", k=0)
    with pytest.raises(UsageError, match=r"out=o\.csv"):
        RecommendConfig("b", "q", "o.csv")
    with pytest.raises(UsageError, match=r"no file .*missing.parquet"):
        answered(out, tmp_path / "missing.parquet", tmp_path / "topk.parquet")
    with pytest.raises(UsageError, match="is no Parquet file"):
        answered(out, tmp_path / "text.parquet", tmp_path / "topk.parquet")
    queries, stream = tmp_path / "queries.parquet", tmp_path / "stream.parquet"
    pd.DataFrame({"query_id": [1]}).to_parquet(queries)
    pd.DataFrame({"user_id": ["u"], "item_id": ["i"], "timestamp": [NOW_S]}).to_parquet(stream)
    with pytest.raises(UsageError, match="no column timestamp"):
        answered(out, queries, tmp_path / "topk.parquet", stream=str(stream))
    with pytest.raises(UsageError, match=r"stream=.*no column user_id"):
        answered(out, queries, tmp_path / "topk.parquet", stream=str(queries))
