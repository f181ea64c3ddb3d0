"""The homepage of a viewer in a moment: one pool, scored once, becomes rows, billboard and their presentation.

Shapes: P titles of the pool, R item rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from index.row_set import RowSet
from ranking.artwork import ArtworkBandit
from ranking.signals import DAY, WEEK
from serving.messages import Stage
from serving.page.attention import MODELS
from serving.page.candidates import RowCandidate, table_of
from serving.page.controls import Gate, Settings, read_controls
from serving.page.imagery import Imagery
from serving.page.messages import Autoplay, Billboard, Controls, PageItem, PageResponse, PageRow, Sizes
from serving.page.onboarding import Onboarding, num_answers
from serving.page.parts import PageParts
from serving.page.pool import Pool, Refusals, pooled
from serving.page.presentation import Look, Presenter
from serving.page.row_makers import GOOD, Moment, RowMaker
from serving.page.strategies import Chosen, Rules, choose
from serving.page.variants import moment_of
from serving.page.viewers import LiveViewer, LiveViewers
from serving.pipeline import Request, Stages
from serving.recommender import Recommender
from serving.sources import TowerSource
from towers.history import EMPTY_HISTORY, Action, History
from towers.query import Query
from towers.vocabulary import NUM_RESERVED, UNKNOWN

RESUMABLE = (3, 9)
"""Buckets of the watched share from which a title is begun, and up to which it is not finished."""


@dataclass(frozen=True)
class PageQuery:
    """Who opens the page, when and where; `ts_ms` None is now. The same query and state give the same page."""

    user_id: str | None = None
    ts_ms: int | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    strategy: str = "stagewise"
    attention: str = "geometric"
    sizes: Sizes = field(default_factory=Sizes)
    request_id: str = ""


class Homepage:
    """Builds pages from a recommender, what its bundle knows of titles, and what viewers did and set."""

    @dataclass(frozen=True)
    class Config:
        """How many titles each source brings into the pool; `rules` hold but for the sizes a request asks for."""

        num_towers: int = 220
        num_popular: int = 40
        num_others: int = 24
        has_billboard: bool = True
        rules: Rules = field(default_factory=Rules)

    def __init__(
        self,
        recommender: Recommender,
        parts: PageParts,
        live: LiveViewers,
        settings: Settings,
        bandit: ArtworkBandit | None = None,
        config: Config | None = None,
    ) -> None:
        self.recommender = recommender
        self.parts = parts
        self.gate = Gate(parts.bundle.catalogue, parts.bundle.spec.vocabulary)
        self.live = live
        self.settings = settings
        self.imagery = Imagery(parts.bundle.catalogue.genre_labels, parts.titles.artworks)
        self.presenter = Presenter(parts, self.imagery, bandit or ArtworkBandit.new(self.imagery.num_images))
        self.onboarding = Onboarding(parts.bundle)
        self._config = config or self.Config()
        self._towers = TowerSource(parts.bundle.index)

    def page(self, query: PageQuery) -> PageResponse:
        """The page; nothing on it is forbidden by the viewer's controls."""
        stages = Stages()
        controls = read_controls(self.settings, query.user_id)
        live = self.live.of(query.user_id) if controls.personalised else LiveViewer()
        request = self.recommender.request(self._query(query, controls))
        stages.note("encode", 0 if request.vector is None else 1)
        allowed = self._allowed(controls, live, request.ts_ms)
        gathered = self._gather(request, live, allowed)
        stages.note("gather", len(gathered))
        pool = self._pool(request, gathered, live)
        stages.note("score", len(pool.rows), len(gathered) - len(pool.rows))
        moment = self._moment(request, live, pool)
        rows = _without(
            RowMaker(self.parts, pool, moment).candidates(len(request.history.rows) > 0), pool, controls, self
        )
        stages.note("rows", len(rows))
        featured = self._featured(pool, moment)
        chosen = self._choose(query, rows, pool, featured)
        stages.note("assemble", len(chosen), len(rows) - len(chosen))
        device, hour = moment_of(query.context, request.ts_ms)
        look = Look(query.user_id or "", query.seed, request.ts_ms, moment.history, live, device, hour)
        page = self._present(look, pool, moment, rows, chosen, featured)
        stages.note("present", sum(len(each.places) for each in chosen))
        return self._leave(query, controls, request, page, allowed, stages)

    def _query(self, query: PageQuery, controls: Controls) -> Query:
        """What the recommender is asked; hidden titles never happened, and without personalisation nobody asks."""
        if not controls.personalised:
            return Query(ts_ms=query.ts_ms, context=query.context)
        if not controls.hidden_items or query.user_id is None:
            return Query(query.user_id, ts_ms=query.ts_ms, context=query.context)
        history = self.recommender.state.history(query.user_id)
        stays = ~np.isin(history.rows, self.gate.rows(controls.hidden_items))
        ids, times = self.recommender.state.items.ids(history.rows[stays]), history.ts_ms[stays].tolist()
        return Query(query.user_id, tuple(ids), tuple(times), query.ts_ms, query.context)

    def _allowed(self, controls: Controls, live: LiveViewer, ts_ms: int) -> NDArray[np.bool_]:
        """Rows [R] that may stand on the page: open, out already, not forbidden, not refused."""
        allowed = self.gate.allowed(controls) & ~(self.parts.releases > ts_ms)
        closed = self.recommender.shelf.closed(ts_ms)
        allowed[closed[closed < len(allowed)]] = False
        allowed[self.gate.rows(list(live.refused))] = False
        return allowed

    def _gather(self, request: Request, live: LiveViewer, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Distinct allowed rows from all sources."""
        config, history = self._config, _known(request.history, len(allowed))
        is_open = bool(allowed[NUM_RESERVED:].all())
        count = config.num_towers + (len(history.rows) if is_open else 0)
        found = self._towers.propose(request, count, None if is_open else RowSet.where(allowed)).rows
        popular = request.popularity[: len(allowed)]
        parts = [found[found < len(allowed)], _top(popular, config.num_popular)]
        parts += [
            self._newest(request.ts_ms),
            self._near(history),
            _returning(history),
            self.gate.rows(list(live.listed)),
        ]
        parts += [
            _top(heat, config.num_others) for heat in (self._like_you(history), self._trending()) if heat is not None
        ]
        rows = np.unique(np.concatenate(parts))
        return np.asarray(rows[allowed[rows] & (rows != UNKNOWN)], dtype=np.int64)

    def _near(self, history: History) -> NDArray[np.int64]:
        """Nearest titles to the newest liked ones."""
        liked = history.rows[np.isin(history.actions, GOOD)][::-1]
        anchors = list(dict.fromkeys(liked.tolist()))[:3]
        if not anchors:
            return np.empty(0, dtype=np.int64)
        count = min(self._config.num_others + 1, self.parts.bundle.index.num_items)
        found = self.parts.bundle.index.search(self.parts.bundle.item_vectors[np.array(anchors)], count)
        rows: NDArray[np.int64] = found.rows.ravel()
        return rows[(rows >= NUM_RESERVED) & (rows < self.parts.bundle.spec.vocabulary.num_rows)]

    def _newest(self, ts_ms: int) -> NDArray[np.int64]:
        """What came out last."""
        released = self.parts.releases
        out = np.where(np.isfinite(released) & (released <= ts_ms), released, -np.inf)
        newest = np.argsort(-out, kind="stable")[: self._config.num_others]
        return newest[out[newest] > -np.inf].astype(np.int64)

    def _pool(self, request: Request, rows: NDArray[np.int64], live: LiveViewer) -> Pool:
        """The one scoring of the request."""
        scored = self.onboarding.heard(request, self.recommender.score(request, rows), num_answers(live))
        vectors = self.parts.bundle.item_vectors[scored.rows]
        refused = self.gate.rows([item for item, _ in sorted(live.refused.items(), key=lambda pair: pair[1])])
        factor = Refusals(refused, self.parts.bundle.item_vectors).factor(vectors)
        return pooled(scored, vectors, factor)

    def _moment(self, request: Request, live: LiveViewer, pool: Pool) -> Moment:
        history = _known(request.history, self.parts.bundle.spec.vocabulary.num_rows)
        latest = _latest(history)
        begun = (latest.shares >= RESUMABLE[0]) & (latest.shares <= RESUMABLE[1]) & (latest.actions != Action.DISLIKED)
        liked = np.isin(latest.actions, (Action.LIKED, Action.COMPLETED)) & (latest.ts_ms < request.ts_ms - 86_400_000)
        listed = (latest.actions == Action.LISTED) & ~np.isin(latest.rows, self.gate.rows(sorted(live.unlisted)))
        seen = np.isin(pool.rows, latest.rows[latest.actions != Action.LISTED])
        return Moment(
            ts_ms=request.ts_ms,
            history=history,
            resumed=latest.rows[begun][:20],
            listed=latest.rows[listed],
            again=latest.rows[liked & ~begun][:30],
            trending=self._trending(),
            like_you=self._like_you(history),
            popularity=request.popularity,
            seen=seen,
        )

    def _trending(self) -> NDArray[np.float64] | None:
        """How far each title's share of the day lies above its share of the week."""
        velocity = self.recommender.state.signals.velocity
        day, week = velocity.relative(DAY), velocity.relative(WEEK)
        if not day.any():
            return None
        today, usual = day / day.sum(), week / week.sum()
        heat: NDArray[np.float64] = np.sqrt(today) * np.maximum(today / (usual + 1e-4) - 0.8, 0)
        return heat[: self.parts.bundle.spec.vocabulary.num_rows]

    def _like_you(self, history: History) -> NDArray[np.float64] | None:
        """Shares of the titles among viewers of the same kind."""
        if self.parts.segments is None or len(history.rows) == 0:
            return None
        taste = self.parts.bundle.item_vectors[history.rows[-50:]].mean(axis=0)
        return self.parts.segments.nearest(taste).astype(np.float64)

    def _featured(self, pool: Pool, moment: Moment) -> int | None:
        """Place of the title on the billboard."""
        fresh = np.flatnonzero(~moment.seen)
        return int(fresh[0]) if self._config.has_billboard and len(fresh) else None

    def _choose(self, query: PageQuery, rows: Sequence[RowCandidate], pool: Pool, featured: int | None) -> list[Chosen]:
        sizes, base = query.sizes, self._config.rules
        rules = Rules(
            sizes.rows, sizes.row_length, sizes.min_row_length, base.diversity, base.most, base.pins, base.may_repeat
        )
        used = np.zeros(len(pool.rows), dtype=np.bool_)
        if featured is not None:
            used[featured] = True
        attention = MODELS[query.attention].weights(sizes.rows, sizes.row_length)
        return choose(query.strategy, rows, table_of(rows, pool.vectors), attention, rules, used)

    def _present(
        self,
        look: Look,
        pool: Pool,
        moment: Moment,
        rows: Sequence[RowCandidate],
        chosen: Sequence[Chosen],
        featured: int | None,
    ) -> tuple[Billboard | None, list[PageRow]]:
        first = np.array([] if featured is None else [featured], dtype=np.int64)
        places = np.concatenate([first, *(each.places for each in chosen)])
        items = self._items(
            places, [0] * len(first) + [p for c in chosen for p in range(len(c.places))], pool, moment, look
        )
        billboard = None if featured is None else Billboard("billboard", "Your best match at this moment", items.pop(0))
        shown, start = list[PageRow](), 0
        for each in chosen:
            row, end = rows[each.candidate], start + len(each.places)
            pinned = self._config.rules.pins.get(row.template) == len(shown)
            worth = round(each.worth, 6)
            shown.append(PageRow(row.row_id, row.template, row.title, row.reason, items[start:end], pinned, worth))
            start = end
        return billboard, shown

    def _items(
        self, places: NDArray[np.int64], positions: Sequence[int], pool: Pool, moment: Moment, look: Look
    ) -> list[PageItem]:
        rows = pool.rows[places]
        catalogue, titles = self.parts.bundle.catalogue, self.parts.titles
        names, ids = catalogue.titles(rows), self.parts.bundle.spec.vocabulary.ids(rows)
        genres, maturity = catalogue.genre_labels, catalogue.maturity_labels
        variants = self.presenter.variants(rows, ids, look)
        progress = _progress(moment)
        seen, appeals = moment.seen[places].tolist(), np.round(pool.appeal[places], 6).tolist()
        return [
            PageItem(
                ids[t], names[t], positions[t], variants[t][0],
                self.presenter.call_to_action(row, progress.get(row), seen[t], look.ts_ms), appeals[t],
                round(variants[t][1], 6), genres[row], maturity[row], titles.year[row], titles.minutes[row],
                progress.get(row),
            )
            for t, row in enumerate(rows.tolist())
        ]  # fmt: skip

    def _leave(
        self,
        query: PageQuery,
        controls: Controls,
        request: Request,
        page: tuple[Billboard | None, list[PageRow]],
        allowed: NDArray[np.bool_],
        stages: Stages,
    ) -> PageResponse:
        """Everything is checked once more on the way out, whatever the stages between did."""
        billboard, rows = page
        items = [item for row in rows for item in row.items] + ([] if billboard is None else [billboard.item])
        at = self.parts.bundle.spec.vocabulary.rows([item.item_id for item in items])
        bad = {item.item_id for item, row in zip(items, at.tolist(), strict=True) if not allowed[row]}
        if bad:
            rows = [_only(row, bad) for row in rows]
            billboard = None if billboard is not None and billboard.item.item_id in bad else billboard
        stages.note("check", len(items) - len(bad), len(bad))
        return PageResponse(
            request_id=query.request_id,
            model_version=self.recommender.version,
            user_id=query.user_id,
            billboard=billboard,
            rows=rows,
            autoplay=_autoplay(controls, query.context),
            stages=[Stage(each.name, each.kept, each.removed, round(each.ms, 4)) for each in stages.reports],
            degraded=request.vector is None,
            is_new=len(request.history.rows) == 0,
        )


def _autoplay(controls: Controls, context: Mapping[str, str]) -> Autoplay:
    """The viewer's switches go above everything; on a phone previews stay still, since they cost data."""
    if not controls.autoplay_previews and not controls.autoplay_next_episode:
        return Autoplay(False, False, "You switched autoplay off")
    if context.get("device") == "phone":
        return Autoplay(False, controls.autoplay_next_episode, "Previews stay still on a phone to save data")
    reason = "You switched a part of autoplay off"
    if controls.autoplay_previews and controls.autoplay_next_episode:
        reason = "Previews and next episodes start by themselves; you can switch both off"
    return Autoplay(controls.autoplay_previews, controls.autoplay_next_episode, reason)


def _without(rows: Sequence[RowCandidate], pool: Pool, controls: Controls, page: Homepage) -> list[RowCandidate]:
    """The candidates without what the viewer took out of them."""
    if not controls.removed:
        return list(rows)
    kept = []
    for row in rows:
        out = page.gate.rows([each.item_id for each in controls.removed if each.row_id == row.row_id])
        stays = ~np.isin(pool.rows[row.places], out)
        kept.append(RowCandidate(row.row_id, row.template, row.title, row.reason, row.places[stays], row.worth[stays]))
    return [row for row in kept if len(row.places)]


def _progress(moment: Moment) -> dict[int, float]:
    """Watched share of the titles to go on with."""
    if len(moment.resumed) == 0:
        return {}
    shares = dict(zip(moment.history.rows.tolist(), moment.history.shares.tolist(), strict=True))
    return {row: round((shares[row] - 0.5) / 10, 2) for row in moment.resumed.tolist()}


def _returning(history: History) -> NDArray[np.int64]:
    """Titles of the history that may stand on a page again: begun, listed, liked."""
    begun = (history.shares >= RESUMABLE[0]) & (history.shares <= RESUMABLE[1])
    again = np.isin(history.actions, (Action.LIKED, Action.COMPLETED, Action.LISTED))
    return np.concatenate([history.rows[begun][-20:], history.rows[again][-40:]])


def _known(history: History, num_rows: int) -> History:
    """The events of titles that the bundle knows."""
    if len(history.rows) == 0 or int(history.rows.max()) < num_rows:
        return history
    inside = history.rows < num_rows
    return History._make(array[inside] for array in history)


def _latest(history: History) -> History:
    """The newest event of each title, newest first."""
    if len(history.rows) == 0:
        return EMPTY_HISTORY
    backwards = History._make(array[::-1] for array in history)
    _, first = np.unique(backwards.rows, return_index=True)
    order = np.sort(first)
    return History._make(array[order] for array in backwards)


def _top(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Rows of the largest positive values."""
    best = np.argpartition(-values, min(count, len(values) - 1))[:count]
    return np.asarray(best[values[best] > 0], dtype=np.int64)


def _only(row: PageRow, bad: set[str]) -> PageRow:
    items = [item for item in row.items if item.item_id not in bad]
    return PageRow(row.row_id, row.template, row.title, row.reason, items, row.pinned, row.score)
