from __future__ import annotations

import msgspec
import pytest

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.errors import RequestError
from serving.messages import RecommendRequest
from serving.metrics import Metrics
from serving.recommender import Recommender
from serving.service import Service, to_query
from serving.times import to_ms


def test_a_swapped_bundle_answers_the_next_request(recommender: Recommender, bundle_without_ranker: Bundle) -> None:
    service = Service(recommender, Metrics())
    versions = [_version(service)]
    service.swap(assemble(bundle_without_ranker))
    versions.append(_version(service))
    assert versions == [recommender.bundle.version, bundle_without_ranker.version]
    assert recommender.bundle.version not in service.metrics.exposition().decode()


def test_a_bundle_that_cannot_answer_is_not_swapped_in(recommender: Recommender, failing: Recommender) -> None:
    service = Service(recommender, Metrics())
    with pytest.raises(IndexError):
        service.swap(failing)
    assert _version(service) == recommender.bundle.version


def test_a_message_becomes_the_query_it_means() -> None:
    message = RecommendRequest(user_id="u", history=["a"], history_timestamps=[1.5], timestamp=2, exclude=["b"])
    query = to_query(message, ts_unit_ms=1000)
    assert (query.user_id, query.history, query.history_ts_ms) == ("u", ("a",), (1500,))
    assert (query.ts_ms, query.exclude) == (2000, ("b",))
    nothing = to_query(RecommendRequest(), ts_unit_ms=1000)
    assert (nothing.user_id, nothing.history, nothing.history_ts_ms, nothing.ts_ms) == (None, None, None, None)


@pytest.mark.parametrize(("unit_ms", "time", "ms"), [(1000, 1_507_967_999, 1_507_967_999_000), (1e-3, 5e15, 5e12)])
def test_times_come_in_the_unit_of_the_data(unit_ms: float, time: float, ms: int) -> None:
    assert to_ms([time], unit_ms, "timestamp") == [ms]


def test_times_no_calendar_holds_are_refused() -> None:
    with pytest.raises(RequestError, match="timestamp: 1e\\+17 lies outside of time"):
        to_ms([1e17], 1000, "timestamp")


def _version(service: Service) -> str:
    answer = msgspec.json.decode(service.recommend(RecommendRequest(), "id"))
    return str(answer["model_version"])
