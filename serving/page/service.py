"""Between HTTP and the homepage: messages in and out. Work here blocks; it runs in a worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from msgspec import UnsetType

from ranking.artwork import ArtworkBandit
from serving.deadline import ENDLESS, Deadline
from serving.errors import RequestError
from serving.events import Event
from serving.page.artwork_learner import ArtworkLearner, PreviewLearner
from serving.page.controls import Settings, read_controls, write_controls
from serving.page.homepage import Homepage, PageQuery
from serving.page.ladder import PageLadder
from serving.page.messages import (
    Controls,
    ControlsResponse,
    Grid,
    OnboardingItem,
    OnboardingRequest,
    OnboardingResponse,
    PageRequest,
    PageResponse,
    ProfileResponse,
)
from serving.page.onboarding import ROW_ID, Asking
from serving.page.parts import PageParts
from serving.page.previews import FILE as PREVIEWS
from serving.page.profile import profile
from serving.page.viewers import LiveViewers
from serving.recommender import Recommender
from serving.times import to_ms
from towers.schema import EventType
from towers.vocabulary import UNKNOWN


class PageService:
    """Answers page messages with one recommender."""

    def __init__(self, home: Homepage) -> None:
        self._latest = home

    @property
    def _home(self) -> Homepage:
        """The homepage with all that was put until now."""
        self._latest = self._latest.renewed()
        return self._latest

    @classmethod
    def of(cls, recommender: Recommender, settings: Settings) -> Self:
        """The homepage of a recommender; hears of every event that its state takes from now on."""
        parts, live = PageParts.load(recommender.bundle), LiveViewers()
        recommender.state.tell(live, remembers=True)
        folder = recommender.bundle.folder
        artwork, previews = ArtworkBandit.load(folder), ArtworkBandit.load(folder, PREVIEWS)
        home = Homepage(recommender, parts, live, settings, artwork, previews=previews)
        recommender.state.tell(ArtworkLearner(home.presenter.bandit, home.imagery, recommender.state))
        recommender.state.tell(PreviewLearner(home.presenter.previews, home.imagery, recommender.state))
        return cls(home)

    def check(self) -> None:
        """Build a page for nobody, so that a bundle that cannot is never swapped in."""
        self._home.page(PageQuery())

    def page(self, message: PageRequest, request_id: str, deadline: Deadline = ENDLESS) -> PageResponse:
        """The best page that can be made in time; a RequestError names a field that cannot be used."""
        return PageLadder(self._home).answer(self._query(message, request_id), deadline)

    def quick_page(self, message: PageRequest, request_id: str) -> PageResponse:
        """A page without models."""
        return PageLadder(self._home).quick(self._query(message, request_id))

    def _query(self, message: PageRequest, request_id: str) -> PageQuery:
        times = [] if isinstance(message.timestamp, UnsetType) else [message.timestamp]
        ts_ms = to_ms(times, self._home.parts.bundle.spec.ts_unit_ms, "timestamp")
        if message.sizes.min_row_length > message.sizes.row_length:
            raise RequestError("sizes.min_row_length", "longer than row_length; no row could be shown")
        return PageQuery(
            user_id=None if isinstance(message.user_id, UnsetType) else message.user_id,
            ts_ms=ts_ms[0] if ts_ms else None,
            context=message.context,
            seed=message.seed,
            strategy=message.strategy,
            attention=message.attention,
            sizes=message.sizes,
            request_id=request_id,
        )

    def questions(self, user_id: str | None, kind: Grid, k: int) -> OnboardingResponse:
        """The next titles to ask a viewer about."""
        home = self._home
        controls, live = read_controls(home.settings, user_id), home.live.of(user_id)
        answers = [event for event in live.events if event.row_id == ROW_ID]
        opinions = {event.item_id: event.event for event in answers}
        liked, disliked = (
            home.gate.rows([item for item, event in opinions.items() if event == opinion])
            for opinion in (EventType.THUMB_UP, EventType.THUMB_DOWN)
        )
        seen = home.recommender.state.history(user_id).rows
        seen = seen[seen < home.parts.bundle.spec.vocabulary.num_rows]
        asked = np.union1d(home.gate.rows(list(opinions)), seen)
        rows = home.onboarding.rows(kind, Asking(home.gate.allowed(controls), asked, liked, disliked), k)
        question = "Which of these do you like? One is enough to begin." if not answers else "And of these?"
        items = [self._question(row) for row in rows.tolist()]
        return OnboardingResponse(user_id, question, len(opinions), kind, items, home.recommender.version)

    def answers(self, message: OnboardingRequest, ts_ms: int) -> list[Event]:
        """Answers as events; a RequestError names a title that the catalogue does not have."""
        rows = self._home.parts.bundle.spec.vocabulary.rows([answer.item_id for answer in message.answers])
        for place, row in enumerate(rows.tolist()):
            if row == UNKNOWN:
                raise RequestError(f"answers[{place}].item_id", f"no title {message.answers[place].item_id!r}")
        kinds = {"like": EventType.THUMB_UP, "dislike": EventType.THUMB_DOWN, "unknown": EventType.DETAIL}
        return [
            Event(
                message.user_id,
                answer.item_id,
                ts_ms + place,
                kinds[answer.answer],
                event_id=f"{ROW_ID}:{message.user_id}:{answer.item_id}:{ts_ms}",
                row_id=ROW_ID,
                row_type=ROW_ID,
            )
            for place, answer in enumerate(message.answers)
        ]

    def record(self, events: Sequence[Event]) -> None:
        """Take events in at once; for a server without a store."""
        for event in events:
            self._home.recommender.state.record(event)

    def profile(self, user_id: str) -> ProfileResponse:
        """How the viewer watches."""
        home = self._home
        controls = read_controls(home.settings, user_id)
        hidden = home.gate.rows(controls.hidden_items)
        return profile(user_id, home.live.of(user_id), hidden, home.habits, home.parts)

    def _question(self, row: int) -> OnboardingItem:
        parts = self._home.parts
        [item], [title] = (
            self._home.recommender.state.items.ids(np.array([row])),
            parts.catalogue.titles(np.array([row])),
        )
        artworks, lines = parts.titles.artworks[row], parts.titles.lines[row]
        genres, year = parts.catalogue.genre_labels[row], parts.titles.year[row]
        return OnboardingItem(item, title, artworks[0] if artworks else "", lines[0] if lines else "", genres, year)

    def controls(self, user_id: str) -> ControlsResponse:
        """What the viewer has set."""
        gate = self._home.gate
        controls = read_controls(self._home.settings, user_id)
        return ControlsResponse(user_id, controls, gate.maturity_labels, gate.genres)

    def set_controls(self, user_id: str, controls: Controls) -> ControlsResponse:
        """Replace what the viewer has set; a RequestError names a label that no title has."""
        self._home.gate.check(controls)
        write_controls(self._home.settings, user_id, controls)
        gate = self._home.gate
        return ControlsResponse(user_id, controls, gate.maturity_labels, gate.genres)
