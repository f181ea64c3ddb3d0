"""What viewers say and set holds through a restart and under a new bundle that learned from it; the store is SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.events import Event
from serving.manifest import ManifestFields
from serving.metrics import Metrics
from serving.page.messages import Controls, PageRequest, PageResponse, RowItem, Sizes
from serving.publish import publish
from serving.service import Service
from serving.store.store import Store
from tests.bundles import TinyConfig, item_id, tiny_parts
from tests.serving.conftest import NOW_MS
from towers.schema import EventType

VIEWER = "viewer-003"
SIZES = Sizes(rows=8, row_length=6, min_row_length=1)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'live.sqlite'}"


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same bundle, trained on everything that the tests do before it is there."""
    fields = ManifestFields(data_fingerprint="later", split="none", trained_until_ms=NOW_MS, metrics={})
    return Bundle.load(publish(tmp_path_factory.mktemp("later"), tiny_parts(TinyConfig()), fields))


@contextmanager
def serving(bundle: Bundle, url: str) -> Iterator[Service]:
    service = Service(assemble(bundle, lambda: NOW_MS), Metrics(), Store.open(url))
    try:
        yield service
    finally:
        service.close()


def page(service: Service, user_id: str = VIEWER) -> PageResponse:
    message = PageRequest(user_id=user_id, timestamp=NOW_MS / 1000, sizes=SIZES)
    return service.pages().page(message, "r")


def shown(found: PageResponse) -> list[str]:
    items = [item.item_id for row in found.rows for item in row.items]
    return items if found.billboard is None else [found.billboard.item.item_id, *items]


def timeless(found: PageResponse) -> bytes:
    """Everything but how long it took and which model it was."""
    return msgspec.json.encode(msgspec.structs.replace(found, stages=[], user_id=None, model_version=""))


def say(service: Service, *events: Event) -> None:
    """Events that were received before any bundle of today was made."""
    assert service.store is not None
    service.store.events.append(events, received_ms=NOW_MS - 1)


def even(found: PageResponse) -> bool:
    """Of the tiny catalogue, the titles for everybody."""
    return all(int(each.removeprefix("item-")) % 2 == 0 for each in shown(found))


CONTROLS: dict[str, tuple[dict[str, Any], Callable[[PageResponse], bool]]] = {
    "maturity": ({"maturity": "all"}, even),
    "kids": ({"kids": True}, even),
    "blocked titles": ({"blocked_items": [item_id(n) for n in range(0, 60, 3)]},
                       lambda found: all(int(each.removeprefix("item-")) % 3 for each in shown(found))),
    "blocked genres": ({"blocked_genres": ["Horror"]},
                       lambda found: all(int(each.removeprefix("item-")) % 4 != 2 for each in shown(found))),
    "autoplay off": ({"autoplay_previews": False, "autoplay_next_episode": False},
                     lambda found: not found.autoplay.previews and not found.autoplay.next_episode),
    "personalisation off": ({"personalised": False}, lambda found: found.is_new),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_controls_hold_after_a_restart_and_under_another_bundle(
    tiny_bundle: Bundle, retrained: Bundle, url: str, name: str
) -> None:
    settings, is_obeyed = CONTROLS[name]
    with serving(tiny_bundle, url) as service:
        assert not is_obeyed(page(service)), "nothing to show"
        service.pages().set_controls(VIEWER, Controls(**settings))
        first = page(service)
        assert is_obeyed(first)
        assert not is_obeyed(page(service, "viewer-004")), "a control of one viewer touches another"
    with serving(tiny_bundle, url) as service:
        assert timeless(page(service)) == timeless(first)
        service.swap(assemble(retrained, lambda: NOW_MS))
        assert is_obeyed(page(service))
        assert all(stage.removed == 0 for stage in page(service).stages if stage.name == "check")


def test_hidden_and_removed_titles_stay_away_after_a_restart(tiny_bundle: Bundle, url: str) -> None:
    with serving(tiny_bundle, url) as service:
        row = page(service).rows[0]
        gone, history = row.items[0].item_id, service.live.recommender.state.history(VIEWER)
        hidden = service.live.recommender.state.items.ids(history.rows[-1:])[0]
        service.pages().set_controls(VIEWER, Controls(hidden_items=[hidden], removed=[RowItem(row.row_id, gone)]))
        first = page(service)
    with serving(tiny_bundle, url) as service:
        again = page(service)
        assert timeless(again) == timeless(first)
        assert not any(each.row_id == row.row_id and gone in [i.item_id for i in each.items] for each in again.rows)
        assert not any(each.row_id == f"because_you_watched:{hidden}" for each in again.rows)


@pytest.mark.parametrize("bundle", ["the same", "one that learned of it"])
def test_what_a_viewer_said_is_remembered(tiny_bundle: Bundle, retrained: Bundle, url: str, bundle: str) -> None:
    with serving(tiny_bundle, url) as service:
        refused, taken_off = (item.item_id for item in page(service).rows[0].items[:2])
        say(service, Event(VIEWER, refused, NOW_MS - 50, EventType.NOT_INTERESTED))
        say(service, Event(VIEWER, taken_off, NOW_MS - 60, EventType.LIST_ADD))
        say(service, Event(VIEWER, taken_off, NOW_MS - 40, EventType.LIST_REMOVE))
        live = service.pages()._home.live.of(VIEWER)
        assert refused not in shown(page(service))
    with serving(tiny_bundle if bundle == "the same" else retrained, url) as service:
        again = service.pages()._home.live.of(VIEWER)
        assert (again.refused, again.listed, again.unlisted) == (live.refused, live.listed, live.unlisted)
        assert again.refused.keys() == {refused}
        assert again.unlisted == {taken_off}
        assert refused not in shown(page(service))


@pytest.mark.parametrize("kind", [EventType.RESET, EventType.REMOVE_FROM_HISTORY])
def test_what_was_taken_back_does_not_return_with_a_bundle_that_learned_from_it(
    retrained: Bundle, url: str, kind: EventType
) -> None:
    with serving(retrained, url) as service:
        history = service.live.recommender.state.history(VIEWER)
        watched = service.live.recommender.state.items.ids(history.rows[-1:])[0]
        say(service, Event(VIEWER, "" if kind == EventType.RESET else watched, NOW_MS - 10, kind))
    with serving(retrained, url) as service:
        state = service.live.recommender.state
        assert watched not in state.items.ids(state.history(VIEWER).rows)
        if kind == EventType.RESET:
            assert timeless(page(service)) == timeless(page(service, "a stranger"))


def test_an_image_stays_when_the_bundle_changes(tiny_bundle: Bundle, retrained: Bundle, url: str) -> None:
    seen = Event(VIEWER, item_id(7), NOW_MS - 1000, EventType.IMPRESSION, variant_id="0", propensity=0.25)
    with serving(tiny_bundle, url) as service:
        say(service, seen)
    with serving(retrained, url) as service:
        assert service.pages()._home.live.of(VIEWER).shown[item_id(7)].propensity == 0.25


def test_a_flood_of_impressions_washes_no_wish_away(tiny_bundle: Bundle, url: str) -> None:
    with serving(tiny_bundle, url) as service:
        state = service.live.recommender.state
        state.record(Event(VIEWER, item_id(5), NOW_MS - 9000, EventType.NOT_INTERESTED))
        for n in range(3000):
            state.record(Event(VIEWER, item_id(n % 60), NOW_MS - 5000 + n, EventType.IMPRESSION))
        assert item_id(5) in service.pages()._home.live.of(VIEWER).refused
