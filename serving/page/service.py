"""Between HTTP and the homepage: messages in and out. Work here blocks; it runs in a worker thread."""

from __future__ import annotations

from typing import Self

import msgspec
from msgspec import UnsetType

from ranking.artwork import ArtworkBandit
from serving.errors import RequestError
from serving.page.controls import Settings, read_controls, write_controls
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Controls, ControlsResponse, PageRequest
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewers
from serving.recommender import Recommender
from serving.times import to_ms


class PageService:
    """Answers page messages with one recommender."""

    def __init__(self, home: Homepage) -> None:
        self._home = home

    @classmethod
    def of(cls, recommender: Recommender, settings: Settings) -> Self:
        """The homepage of a recommender; hears of every event that its state takes from now on."""
        parts, live = PageParts.load(recommender.bundle), LiveViewers()
        recommender.state.tell(live)
        return cls(Homepage(recommender, parts, live, settings, ArtworkBandit.load(recommender.bundle.folder)))

    def check(self) -> None:
        """Build a page for nobody, so that a bundle that cannot is never swapped in."""
        self._home.page(PageQuery())

    def page(self, message: PageRequest, request_id: str) -> bytes:
        """The response as JSON; a RequestError names a field that cannot be used."""
        times = [] if isinstance(message.timestamp, UnsetType) else [message.timestamp]
        ts_ms = to_ms(times, self._home.parts.bundle.spec.ts_unit_ms, "timestamp")
        if message.sizes.min_row_length > message.sizes.row_length:
            raise RequestError("sizes.min_row_length", "longer than row_length; no row could be shown")
        query = PageQuery(
            user_id=None if isinstance(message.user_id, UnsetType) else message.user_id,
            ts_ms=ts_ms[0] if ts_ms else None,
            context=message.context,
            seed=message.seed,
            strategy=message.strategy,
            attention=message.attention,
            sizes=message.sizes,
            request_id=request_id,
        )
        return msgspec.json.encode(self._home.page(query))

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
