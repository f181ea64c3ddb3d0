from __future__ import annotations

import msgspec
import numpy as np
import pytest

from serving.events import Event
from serving.page.controls import write_controls
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Controls, PageResponse, RowItem, Sizes
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from towers.schema import EventType

SIZES = Sizes(rows=6, row_length=5, min_row_length=2)


def page_of(
    home: Homepage, user_id: str | None = "viewer-003", seed: int = 0, strategy: str = "stagewise"
) -> PageResponse:
    return home.page(PageQuery(user_id, NOW_MS, {"device": "tv"}, seed, strategy, sizes=SIZES, request_id="r"))


def encoded(page: PageResponse) -> bytes:
    """Everything but how long it took."""
    return msgspec.json.encode(msgspec.structs.replace(page, stages=[], user_id=None))


def shown(page: PageResponse) -> list[str]:
    items = [item.item_id for row in page.rows for item in row.items]
    return items if page.billboard is None else [page.billboard.item.item_id, *items]


@pytest.mark.parametrize("strategy", ["template", "independent", "stagewise", "whole"])
@pytest.mark.parametrize("user_id", ["viewer-003", "a stranger", None])
def test_everybody_gets_a_page_without_repeats(home: Homepage, user_id: str | None, strategy: str) -> None:
    page = page_of(home, user_id, strategy=strategy)
    items = shown(page)
    assert page.rows
    assert page.billboard is not None
    assert len(items) == len(set(items))
    assert all(SIZES.min_row_length <= len(row.items) <= SIZES.row_length for row in page.rows)
    assert all(item.position == place for row in page.rows for place, item in enumerate(row.items))
    assert all(0 < item.propensity <= 1 and 0 <= item.score <= 1 for row in page.rows for item in row.items)
    assert page.is_new == (user_id != "viewer-003")


def test_the_same_question_gives_the_same_page(home: Homepage) -> None:
    assert encoded(page_of(home)) == encoded(page_of(home))


def test_a_play_is_in_the_next_page(home: Homepage) -> None:
    before = page_of(home)
    item = before.rows[0].items[0].item_id
    home.recommender.state.record(Event("viewer-003", item, NOW_MS - 10, EventType.PLAY, watch_s=300, duration_s=1000))
    after = page_of(home)
    resumed = [row for row in after.rows if row.template == "continue_watching"]
    assert encoded(before) != encoded(after)
    assert all(item not in [each.item_id for each in row.items] for row in after.rows if row not in resumed)


@pytest.mark.parametrize("kind", [EventType.PLAY, EventType.THUMB_UP, EventType.NOT_INTERESTED, EventType.LIST_ADD])
def test_an_event_taken_back_leaves_nothing(home: Homepage, kind: EventType) -> None:
    state, item = home.recommender.state, item_id(7)
    state.record(Event("somebody", item, NOW_MS - 500, kind))  # the counts of all viewers are not taken back
    for user_id in ("one", "other"):
        state.record(Event(user_id, item_id(3), NOW_MS - 1000, EventType.PLAY))
    state.record(Event("one", item, NOW_MS - 500, kind))
    assert encoded(page_of(home, "one")) != encoded(page_of(home, "other"))
    state.record(Event("one", item, NOW_MS - 100, EventType.REMOVE_FROM_HISTORY))
    assert encoded(page_of(home, "one")) == encoded(page_of(home, "other"))


def test_a_reset_makes_a_new_viewer(home: Homepage) -> None:
    home.recommender.state.record(Event("viewer-003", item_id(2), NOW_MS - 5, EventType.NOT_INTERESTED))
    home.recommender.state.record(Event("viewer-003", "", NOW_MS - 1, EventType.RESET))
    assert encoded(page_of(home)) == encoded(page_of(home, "a stranger"))


def test_what_is_not_interesting_goes_with_what_is_like_it(home: Homepage) -> None:
    page = page_of(home, "a stranger")
    refused = page.rows[0].items[0].item_id
    home.recommender.state.record(Event("a stranger", refused, NOW_MS - 1, EventType.NOT_INTERESTED))
    after = shown(page_of(home, "a stranger"))
    vocabulary, vectors = home.parts.bundle.spec.vocabulary, home.parts.bundle.item_vectors
    likeness = vectors @ vectors[vocabulary.rows([refused])[0]]
    nearest = vocabulary.ids(np.argsort(-likeness)[1:2])
    assert refused not in after
    assert not set(nearest) & set(after)


def test_controls_are_obeyed(home: Homepage) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        blocked = [item_id(int(each)) for each in rng.choice(60, 20, replace=False)]
        controls = Controls(
            maturity="all" if rng.random() < 0.5 else None,
            kids=bool(rng.random() < 0.3),
            blocked_items=blocked,
            blocked_genres=["Horror"] if rng.random() < 0.5 else [],
        )
        write_controls(home.settings, "viewer-003", controls)
        page = page_of(home, strategy=["template", "stagewise"][number % 2])
        numbers = [int(each.removeprefix("item-")) for each in shown(page)]
        assert not {item_id(each) for each in numbers} & set(blocked)
        if controls.maturity == "all" or controls.kids:
            assert all(each % 2 == 0 for each in numbers)
        if controls.blocked_genres:
            assert all(each % 4 != 2 for each in numbers)
        assert page.stages[-1].removed == 0, "the last check found something that the stages before let through"


def test_a_page_without_personalisation_is_that_of_a_stranger(home: Homepage) -> None:
    write_controls(home.settings, "viewer-003", Controls(personalised=False))
    assert [row.row_id for row in page_of(home).rows] == [row.row_id for row in page_of(home, None).rows]
    assert shown(page_of(home)) == shown(page_of(home, None))


def test_a_hidden_title_was_never_watched(home: Homepage) -> None:
    home.recommender.state.record(Event("somebody", item_id(9), NOW_MS - 500, EventType.PLAY))
    home.recommender.state.record(Event("one", item_id(9), NOW_MS - 500, EventType.PLAY))
    write_controls(home.settings, "one", Controls(hidden_items=[item_id(9)]))
    assert shown(page_of(home, "one")) == shown(page_of(home, "a stranger"))


def test_a_title_taken_out_of_a_row_leaves_that_row(home: Homepage) -> None:
    row = page_of(home).rows[0]
    gone = row.items[1].item_id
    write_controls(home.settings, "viewer-003", Controls(removed=[RowItem(row.row_id, gone)]))
    rows = {each.row_id: [item.item_id for item in each.items] for each in page_of(home).rows}
    assert gone not in rows.get(row.row_id, [])
