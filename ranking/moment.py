"""One request as the ranker sees it, and what each item has to say for itself in that moment.

Shapes: N item rows in use, R of them of the bundle, K candidates, L history, C context columns, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ranking.behaviour import MOST_EVENTS, Behaviour
from ranking.habits import Habits
from ranking.live_transitions import Found
from ranking.signals import SLOW, LiveSignals
from ranking.slates import SlateModel
from ranking.sparse_scores import NOTHING, SparseScores
from ranking.transitions import TransitionTable
from towers.bag import BagTables, is_choice
from towers.history import History

T = TypeVar("T")

SESSION_GAP_MS = 1_800_000
"""A longer pause begins a new session."""
NUM_RECENT = 10
"""History items that `recent` holds."""


@dataclass(frozen=True, eq=False)
class Moment:
    """Scores of all N rows are worked out once, whoever asks first: a source or a feature; so is what is asked of one
    and the same array of candidates.

    context: int64 [C] codes. vector: float32 [D] of the user tower, None when it failed. vectors_of: unit vectors
    [K, D] of rows [K], zero where there are none. slates, watching, behaviour: what pages and plays teach, where the
    log tells. bag: what bags of items say, where the bundle has it.
    """

    user_id: str | None
    history: History
    ts_ms: int
    context: NDArray[np.int64]
    vector: NDArray[np.float32] | None
    num_rows: int
    signals: LiveSignals
    transitions: TransitionTable
    vectors_of: Callable[[NDArray[np.int64]], NDArray[np.float32]]
    slates: SlateModel | None = None
    item_knn: TransitionTable | None = None
    ease: TransitionTable | None = None
    watching: SlateModel | None = None
    bag: BagTables | None = None
    behaviour: Behaviour | None = None
    _known: dict[tuple[str, int], tuple[NDArray[np.int64], object]] = field(default_factory=dict, init=False)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit vectors [K, D] of the rows, zero where there are none."""
        return self._once("vectors", rows, self.vectors_of)

    def counts(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Faded counts [H, K] of the rows at each half-life."""
        return self._once("counts", rows, lambda rows: self.signals.velocity.counts_of(rows, self.known_ms))

    @cached_property
    def totals(self) -> NDArray[np.float64]:
        """Faded number of all events [H]."""
        return self.signals.velocity.totals(self.known_ms)

    @cached_property
    def recent(self) -> NDArray[np.int64]:
        """The newest history items, which stand for what the viewer is in the mood for."""
        return self.history.rows[-NUM_RECENT:]

    @cached_property
    def habits(self) -> Habits | None:
        """How the viewer watches, where the log told of that."""
        if self.behaviour is None:
            return None
        newest = self.history.last(MOST_EVENTS)
        return self.behaviour.habits(newest, self.signals.details.of(self.user_id, newest.rows))

    @cached_property
    def trained_rules(self) -> SparseScores:
        """Scores after the history by what followed what in training."""
        return self._spoken_for(self.transitions)

    @cached_property
    def neighbours(self) -> SparseScores:
        """Scores after the history by whose viewers were the same in training; none without a table."""
        return self._spoken_for(self.item_knn)

    @cached_property
    def linear(self) -> SparseScores:
        """Scores after the history by the linear autoencoder; none without a table."""
        return self._spoken_for(self.ease)

    @cached_property
    def bag_vector(self) -> NDArray[np.float32] | None:
        """What the history says as a bag, without order or time; None without tables of it."""
        if self.bag is None:
            return None
        return self.bag.vector(self.history.rows[is_choice(self.history.actions)])

    @cached_property
    def live_rules(self) -> SparseScores:
        """Scores after the history by what followed what of late."""
        return self._summed(self.signals.transitions.after_all(self.history.rows))

    @cached_property
    def live_last(self) -> SparseScores:
        """Shares in what followed the newest history item of late."""
        return self._summed(self.signals.transitions.after_all(self.history.rows[-1:]))

    @cached_property
    def session_rules(self) -> SparseScores:
        """Scores after the session by what followed what in sessions of the last hours."""
        return self._summed(self.signals.session_transitions.after_all(self.session.rows))

    @cached_property
    def segment(self) -> NDArray[np.float64]:
        """Mean share [N] in the choices of the moment's segments; of all choices where no segment is known."""
        columns = range(self.signals.segments.num_columns)
        found = [self.signals.segments.shares(self.context, column) for column in columns]
        known = [self._fitted(shares) for shares in found if shares is not None]
        if not known:
            return self.velocity(SLOW)
        return np.asarray(sum(known[1:], start=known[0]) / len(known))

    @property
    def known_ms(self) -> int:
        """Up to when anything is known: where no events come in, counts do not fade and items do not age."""
        return min(self.ts_ms, self.signals.newest_ms) if self.signals.newest_ms else self.ts_ms

    def velocity(self, half_life: int) -> NDArray[np.float64]:
        """Faded counts [N] at a half-life, up to a common factor."""
        return self._fitted(self.signals.velocity.relative(half_life))

    @cached_property
    def first_ms(self) -> NDArray[np.float64]:
        """When each row [N] was first chosen, 0 for never."""
        return self._fitted(self.signals.newest())

    @cached_property
    def session(self) -> History:
        """The newest events, without a long pause between them or up to now."""
        times = self.history.ts_ms
        if len(times) == 0 or self.ts_ms - times[-1] > SESSION_GAP_MS:
            return self.history.last(0)
        pauses = np.flatnonzero(np.diff(times) > SESSION_GAP_MS)
        return self.history.last(len(times) - (int(pauses[-1]) + 1 if len(pauses) else 0))

    def _once(self, name: str, rows: NDArray[np.int64], worked_out: Callable[[NDArray[np.int64]], T]) -> T:
        """Remembered by the array itself, which is held so that no other takes its place."""
        key = (name, id(rows))
        if key not in self._known:
            self._known[key] = rows, worked_out(rows)
        return self._known[key][1]  # type: ignore[return-value]

    def _summed(self, found: Found) -> SparseScores:
        return SparseScores.summed(*found).below(self.num_rows)

    def _spoken_for(self, table: TransitionTable | None) -> SparseScores:
        if table is None:
            return NOTHING
        return table.after(self.history.rows[self.history.rows < table.num_rows])

    def _fitted(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(values) >= self.num_rows:
            return values[: self.num_rows]
        return np.concatenate([values, np.zeros(self.num_rows - len(values))])
