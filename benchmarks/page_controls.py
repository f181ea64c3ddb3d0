"""What the page promises of the viewer's own hand, counted over the viewers of a bundle.

    python benchmarks/page_controls.py BUNDLE [viewers]

* Because You Watched X: with X hidden, does that row stand lower; and do its titles lose more score than they lose when
  another title of the history goes?
* Not interested: how often the nearest titles are shown on the next 20 pages, before and after.
* Taken back, reset: is the page, byte for byte, that of a viewer who never did it, or who never came?
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from benchmarks.result import Cell, Result
from ranking.artwork import ArtworkBandit
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.events import Event
from serving.page.controls import MemorySettings, write_controls
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Controls, PageResponse
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewers
from serving.store.digest import digest
from towers.query import Query
from towers.schema import EventType

NUM_PAGES, WEEK_MS = 20, 7 * 86_400_000
NUM_NEAREST, NUM_OTHERS = 25, 5
KINDS: Final = (
    EventType.PLAY, EventType.THUMB_UP, EventType.THUMB_DOWN, EventType.LIST_ADD, EventType.NOT_INTERESTED
)  # fmt: skip


class Share(NamedTuple):
    """How many of how many."""

    found: int
    of: int


def main() -> None:
    """Print the counts."""
    folder, count = (*sys.argv[1:], *("60",)[len(sys.argv) - 2 :])
    bundle = Bundle.load(Path(folder))
    homes = [opened(bundle) for _ in range(2)]
    viewers = [user for user in bundle.viewers.ids(bundle.viewers.item_rows) if long_enough(homes[0], user)]
    viewers = [viewers[n] for n in np.linspace(0, len(viewers) - 1, int(count)).astype(int)]
    lower, truer = because_you_watched(homes[0], viewers)
    before, after = exposures(homes[0], viewers)
    undone, reset = undoing(homes, viewers)
    rows: list[list[Cell]] = [
        ["because you watched X: row lower without X", lower.found, lower.of, lower.found / lower.of],
        ["titles of that row lose more without X than without others", truer.found, truer.of, truer.found / truer.of],
        ["alike titles shown after not interested", after, before, after / before],
        ["pages equal after an event is taken back", undone.found, undone.of, undone.found / undone.of],
        ["pages equal to a newcomer's after a reset", reset.found, reset.of, reset.found / reset.of],
    ]
    facts: dict[str, Cell] = {
        "bundle": bundle.version,
        "titles": len(bundle.spec.vocabulary.encoded),
        "viewers": len(viewers),
    }
    Result("Page controls", facts, ("promise", "count", "of", "share"), rows).write(None)


def opened(bundle: Bundle) -> Homepage:
    """A homepage of its own, as it stands at the end of training."""
    recommender = assemble(bundle, clock_ms=lambda: bundle.manifest.trained_until_ms)
    live = LiveViewers()
    recommender.state.tell(live)
    bandit = ArtworkBandit.load(bundle.folder)
    return Homepage(recommender, PageParts.load(bundle), live, MemorySettings(), bandit)


def long_enough(home: Homepage, user: str) -> bool:
    """Whether there is something to take away."""
    return len(set(home.recommender.state.history(user).rows.tolist())) > 2 * NUM_OTHERS


def page(home: Homepage, user: str, later_ms: int = 0) -> PageResponse:
    """The viewer's page some time after the end of training."""
    return home.page(PageQuery(user, home.parts.bundle.manifest.trained_until_ms + later_ms))


def because_you_watched(home: Homepage, viewers: Sequence[str]) -> tuple[Share, Share]:
    """Rows that stand lower once their title is hidden; rows whose titles lose more by that than by most others."""
    lower, truer = list[bool](), list[bool]()
    rng = np.random.default_rng(0)
    for user in viewers:
        ranks = {row.row_id: (place, row) for place, row in enumerate(page(home, user).rows)}
        for row_id, (place, row) in ranks.items():
            if row.template != "because_you_watched":
                continue
            cause = row_id.partition(":")[2]
            write_controls(home.settings, user, Controls(hidden_items=[cause]))
            now = [each.row_id for each in page(home, user).rows]
            lower.append(row_id not in now or now.index(row_id) > place)
            write_controls(home.settings, user, Controls())
            titles = [item.item_id for item in row.items]
            state = home.recommender.state
            watched = [item for item in dict.fromkeys(state.items.ids(state.history(user).rows)) if item != cause]
            others = [score_without(home, user, other, titles) for other in rng.choice(watched, NUM_OTHERS, False)]
            truer.append(score_without(home, user, cause, titles) < float(np.median(others)))
    return Share(sum(lower), len(lower)), Share(sum(truer), len(truer))


def score_without(home: Homepage, user: str, gone: str, titles: Sequence[str]) -> float:
    """Mean score of the titles among all, in standard deviations, with one title out of the history."""
    recommender = home.recommender
    items, history = recommender.state.items, recommender.state.history(user)
    kept = history.rows != items.rows([gone])[0]
    ids, times = items.ids(history.rows[kept]), history.ts_ms[kept].tolist()
    now = home.parts.bundle.manifest.trained_until_ms
    request = recommender.request(Query(user, tuple(ids), tuple(times), now))
    scored = recommender.score(request, home.parts.bundle.spec.vocabulary.item_rows)
    mine = scored.scores[np.isin(scored.rows, items.rows(titles))]
    return float((mine.mean() - scored.scores.mean()) / scored.scores.std())


def exposures(home: Homepage, viewers: Sequence[str]) -> tuple[int, int]:
    """Times that the nearest titles to one of the first page stand on the pages of a week, before and after."""
    before = after = 0
    for user in viewers:
        refused = fresh(home, user)
        row = home.recommender.state.items.row(refused)
        assert row is not None
        found = home.recommender.similar(row, NUM_NEAREST)
        alike = set(home.recommender.state.items.ids(found.rows)) | {refused}
        before += shown(home, user, alike)
        now = home.parts.bundle.manifest.trained_until_ms
        home.recommender.state.record(Event(user, refused, now - 1, EventType.NOT_INTERESTED))
        after += shown(home, user, alike)
        home.recommender.state.record(Event(user, refused, now - 1, EventType.REMOVE_FROM_HISTORY))
    return before, after


def shown(home: Homepage, user: str, titles: set[str]) -> int:
    """How often titles stand on the pages of a week."""
    pages = (page(home, user, later_ms) for later_ms in range(0, WEEK_MS, WEEK_MS // NUM_PAGES))
    return sum(item in titles for found in pages for item in items_of(found))


def items_of(found: PageResponse) -> Iterator[str]:
    """Every title of a page."""
    if found.billboard is not None:
        yield found.billboard.item.item_id
    for row in found.rows:
        yield from (item.item_id for item in row.items)


def undoing(homes: Sequence[Homepage], viewers: Sequence[str]) -> tuple[Share, Share]:
    """Equal pages after taking back an event, and after a reset; a twin with the same history feeds the same counts."""
    undone, reset, (never, once) = 0, 0, homes
    for n, user in enumerate(viewers):
        now, item = never.parts.bundle.manifest.trained_until_ms, fresh(never, user)
        for home in homes:
            history = home.recommender.state.history(user)
            for past, ts_ms in zip(home.recommender.state.items.ids(history.rows), history.ts_ms.tolist(), strict=True):
                home.recommender.state.record(Event(f"twin of {user}", past, ts_ms, EventType.THUMB_UP))
        kind = KINDS[n % len(KINDS)]
        never.recommender.state.record(Event(f"twin of {user}", item, now - 2, kind))
        once.recommender.state.record(Event(user, item, now - 2, kind))
        once.recommender.state.record(Event(user, item, now - 1, EventType.REMOVE_FROM_HISTORY))
        undone += encoded(page(never, user)) == encoded(page(once, user))
        never.recommender.state.forget(digest(user))
        once.recommender.state.record(Event(user, "", now, EventType.RESET))
        reset += encoded(page(never, user)) == encoded(page(once, user))
    return Share(undone, len(viewers)), Share(reset, len(viewers))


def fresh(home: Homepage, user: str) -> str:
    """A title on the viewer's page that the viewer never had to do with, or else the one seen least."""
    state, items = home.recommender.state, list(items_of(page(home, user)))
    rows = state.items.rows(items)
    met = state.signals.exposure.passed_of(user, rows) + 1e6 * np.isin(rows, state.history(user).rows)
    return items[int(met.argmin())]


def encoded(found: PageResponse) -> bytes:
    """Everything but how long it took."""
    return msgspec.json.encode(msgspec.structs.replace(found, stages=[]))


if __name__ == "__main__":
    main()
