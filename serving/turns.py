"""Work that the event loop's own thread does, one piece at a time, in the order in which it came.

A second thread would wait for the interpreter lock most of the time, and so would the loop. Between two pieces the loop
takes in what came meanwhile, so those who would wait too long are turned away at once.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_calling = False

    async def wait(self) -> None:
        """Until it is the caller's turn; its work must not wait for anything."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        self._call(loop)
        await turn

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and not self._is_calling:
            self._is_calling = True
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give one turn; the next call stands behind the work and whatever came in during it."""
        self._is_calling = False
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                break
        self._call(loop)
