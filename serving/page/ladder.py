"""Never without a page: full -> an older vector -> order of the towers -> what is popular -> a fixed order."""

from __future__ import annotations

import logging
from typing import Final

from msgspec.structs import replace

from serving.deadline import ENDLESS, Deadline
from serving.errors import RequestError
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import PageResponse
from serving.page.quick_page import QuickPage
from serving.recommendation import Step, lower
from serving.store.database import StoreError

PAGE: Final = "page"
"""The name under which the costs know a whole page."""

_LOG = logging.getLogger("marquee.serving")


class PageLadder:
    """Answers page queries with the best rung that holds."""

    def __init__(self, home: Homepage) -> None:
        self._home = home

    def answer(self, query: PageQuery, deadline: Deadline = ENDLESS) -> PageResponse:
        """The best page that can be made; a RequestError names a field, a StoreError says that controls are unknown."""
        if not deadline.allows(PAGE):
            return self.quick(query)
        for use_ranker in (True, False):
            try:
                page = self._home.page(query, deadline, use_ranker=use_ranker)
            except (RequestError, StoreError):
                raise
            except Exception:
                _LOG.exception("a part of the page failed; a simpler order takes its place")
            else:
                step = Step(page.step) if use_ranker else lower(Step(page.step), Step.RETRIEVAL)
                return replace(page, step=step, degraded=step is not Step.FULL)
        return self.quick(query)

    def quick(self, query: PageQuery) -> PageResponse:
        """A page without models or waiting."""
        return QuickPage(self._home).page(query)
