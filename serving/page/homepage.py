"""The homepage of a viewer in a moment: one pool, scored once, becomes rows, billboard and their presentation.

Shapes: P titles of the pool, R item rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit
from serving.deadline import ENDLESS, Deadline
from serving.messages import Stage
from serving.page.attention import MODELS
from serving.page.autoplay import decide, why_still
from serving.page.candidates import RowCandidate, table_of
from serving.page.cards import Cards, checked, items_of
from serving.page.controls import Gate, Settings, read_controls
from serving.page.gathering import Gatherer
from serving.page.habits import HabitReader
from serving.page.imagery import Imagery
from serving.page.messages import Autoplay, Billboard, Controls, PageResponse, PageRow, Sizes
from serving.page.moment import Moment
from serving.page.onboarding import Onboarding, num_answers
from serving.page.parts import PageParts
from serving.page.pool import Pool, Refusals, pooled
from serving.page.presentation import Look, Presenter
from serving.page.row_makers import OWN_HABIT, RowMaker
from serving.page.strategies import Chosen, Rules, choose
from serving.page.variants import moment_of
from serving.page.viewers import NOBODY, LiveViewer, LiveViewers
from serving.pipeline import Request, Stages
from serving.recommendation import Step, lower
from serving.recommender import Recommender
from towers.query import Query


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
        """`rules` hold but for the sizes a request asks for."""

        gatherer: Gatherer.Config = field(default_factory=Gatherer.Config)
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
        previews: ArtworkBandit | None = None,
    ) -> None:
        self._config = config or self.Config()
        self.recommender = recommender
        self.parts = parts
        self.gate = Gate(parts.catalogue, recommender.state.items)
        self.live = live
        self.settings = settings
        self.imagery = Imagery(parts.catalogue.genre_labels, parts.titles.artworks)
        artwork = bandit or ArtworkBandit.new(self.imagery.num_images)
        self.presenter = Presenter(parts, self.imagery, artwork, previews)
        self.onboarding = Onboarding(parts.bundle)
        self.habits = HabitReader(parts, recommender.state)
        self._gatherer = Gatherer(parts, recommender.shelf, recommender.state.items, self._config.gatherer)
        self._titles_of_bundle, self._labels = parts.titles, recommender.shelf.labels

    def renewed(self) -> Homepage:
        """Itself, or one that shows what was put while serving; requests under way keep theirs."""
        shelf, items = self.recommender.shelf, self.recommender.state.items
        labels = shelf.labels
        if labels is self._labels:
            return self
        changed = {row: item for row, item in labels.items() if self._labels.get(row) is not item}
        other = copy(self)
        other.parts = self.parts.grown(shelf, items.num_rows, changed, self._titles_of_bundle)
        other.gate = self.gate.grown(other.parts.catalogue, list(changed))
        other.imagery = self.imagery.grown(other.parts.catalogue.genre_labels, list(changed))
        other.presenter = self.presenter.showing(other.parts, other.imagery)
        other._gatherer = Gatherer(other.parts, shelf, items, self._config.gatherer)
        other._labels = labels
        return other

    def page(self, query: PageQuery, deadline: Deadline = ENDLESS, *, use_ranker: bool = True) -> PageResponse:
        """The page; nothing on it is forbidden by the viewer's controls. What does not fit into the deadline is left
        out.
        """
        stages = Stages()
        controls = read_controls(self.settings, query.user_id)
        live = self.live.of(query.user_id) if controls.personalised else NOBODY
        request, read_step = self.recommender.request_in_time(self._query(query, controls), deadline)
        stages.note("encode", 0 if request.vector is None else 1)
        allowed = self.allowed(controls, live, request.ts_ms)
        habits = self.habits.habits(request.moment.user_id, live, self.gate.rows(controls.hidden_items))
        moment = Moment.of(request, live, habits, self.recommender.state, self.parts)
        gathered = self._gatherer.rows(request, moment, self.gate.rows(list(live.listed)), allowed)
        stages.note("gather", len(gathered))
        has_time = not use_ranker or deadline.allows("score")
        pool = self._pool(request, gathered, live, use_ranker=use_ranker and has_time)
        stages.note("score" if use_ranker and has_time else "order", len(pool.rows), len(gathered) - len(pool.rows))
        rows = self._rows(request, pool, moment, controls)
        stages.note("rows", len(rows))
        featured = self._featured(pool, moment)
        rules = self._rules(query.sizes, moment)
        chosen = self._choose(query, rows, pool, featured, rules)
        stages.note("assemble", len(chosen), len(rows) - len(chosen))
        look = _look(query, controls, moment, live)
        cards = Cards(self.parts, self.recommender.state.items, self.presenter, pool, moment, look)
        page = cards.page(rows, chosen, featured, rules.pins)
        stages.note("present", sum(len(each.places) for each in chosen))
        autoplay = decide(controls, moment.habits, look)
        step = lower(read_step, Step.FULL if has_time else Step.RETRIEVAL)
        return self._leave(query, request, page, autoplay, allowed, stages, step)

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

    def allowed(self, controls: Controls, live: LiveViewer, ts_ms: int) -> NDArray[np.bool_]:
        """Rows [R] that may stand on the page: open, out already, not forbidden, not refused."""
        allowed = self.gate.allowed(controls) & ~(self.parts.releases > ts_ms)
        closed = self.recommender.shelf.closed(ts_ms)
        allowed[closed[closed < len(allowed)]] = False
        allowed[self.gate.rows(list(live.refused))] = False
        return allowed

    def _pool(self, request: Request, rows: NDArray[np.int64], live: LiveViewer, *, use_ranker: bool) -> Pool:
        """The one scoring of the request."""
        scored = self.recommender.score(request, rows, use_ranker=use_ranker)
        scored = self.onboarding.heard(request, scored, num_answers(live))
        vectors_of = self.recommender.state.items.vectors
        vectors = vectors_of(scored.rows)
        refused = self.gate.rows([item for item, _ in sorted(live.refused.items(), key=lambda pair: pair[1])])
        factor = Refusals(vectors_of(refused), self.parts.bundle.item_vectors).factor(vectors)
        return pooled(scored, vectors, factor)

    def _rows(self, request: Request, pool: Pool, moment: Moment, controls: Controls) -> list[RowCandidate]:
        """The candidates without what the viewer took out of them."""
        rows = RowMaker(self.parts, self.recommender.state.items, pool, moment).candidates(
            is_personal=len(request.history.rows) > 0
        )
        if not controls.removed:
            return rows
        out = {row.row_id: [each.item_id for each in controls.removed if each.row_id == row.row_id] for row in rows}
        kept = [row.keeping(~np.isin(pool.rows[row.places], self.gate.rows(out[row.row_id]))) for row in rows]
        return [row for row in kept if len(row.places)]

    def _featured(self, pool: Pool, moment: Moment) -> int | None:
        """Place of the title on the billboard."""
        fresh = np.flatnonzero(~np.isin(pool.rows, moment.seen))
        return int(fresh[0]) if self._config.has_billboard and len(fresh) else None

    def _rules(self, sizes: Sizes, moment: Moment) -> Rules:
        """Those of the service in the sizes asked for; who seldom goes on with a title finds what was begun where it is
        worth standing.
        """
        pins = self._config.rules.pins
        if moment.habits.lean_of("continues") <= -OWN_HABIT:
            pins = {template: place for template, place in pins.items() if template != "continue_watching"}
        return replace(
            self._config.rules,
            rows=sizes.rows,
            row_length=sizes.row_length,
            min_row_length=sizes.min_row_length,
            pins=pins,
        )

    def _choose(
        self, query: PageQuery, rows: Sequence[RowCandidate], pool: Pool, featured: int | None, rules: Rules
    ) -> list[Chosen]:
        used = np.zeros(len(pool.rows), dtype=np.bool_)
        if featured is not None:
            used[featured] = True
        attention = MODELS[query.attention].weights(rules.rows, rules.row_length)
        return choose(query.strategy, rows, table_of(rows, pool.vectors), attention, rules, used)

    def _leave(
        self,
        query: PageQuery,
        request: Request,
        page: tuple[Billboard | None, list[PageRow]],
        autoplay: Autoplay,
        allowed: NDArray[np.bool_],
        stages: Stages,
        step: Step,
    ) -> PageResponse:
        """Everything is checked once more on the way out, whatever the stages between did."""
        ids = [item.item_id for item in items_of(page)]
        is_bad = ~allowed[self.recommender.state.items.rows(ids)]
        billboard, rows = checked(page, {item for item, bad in zip(ids, is_bad.tolist(), strict=True) if bad})
        stages.note("check", len(ids) - int(is_bad.sum()), int(is_bad.sum()))
        return PageResponse(
            request_id=query.request_id,
            model_version=self.recommender.version,
            user_id=query.user_id,
            billboard=billboard,
            rows=rows,
            autoplay=autoplay,
            stages=[Stage(each.name, each.kept, each.removed, round(each.ms, 4)) for each in stages.reports],
            degraded=step is not Step.FULL,
            step=step,
            is_new=len(request.history.rows) == 0,
        )


def _look(query: PageQuery, controls: Controls, moment: Moment, live: LiveViewer) -> Look:
    device, hour = moment_of(query.context, moment.ts_ms)
    still = why_still(controls, device)
    return Look(query.user_id or "", query.seed, moment.ts_ms, moment.history, live, device, hour, still)
