"""Keeps what one process knows in step with the store that all processes share.

Before a request is answered, `catch_up` reads what was committed since: an acknowledged event is in the next answer,
whichever process took it. While the store is down, requests are answered from memory and a thread waits for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Final, Protocol

from serving.events import Event
from serving.store.database import StoreError
from serving.store.event_store import KIND as EVENTS
from serving.store.item_journal import KIND as ITEM
from serving.store.item_journal import JournalEntry
from serving.store.store import Change, Store
from serving.store.viewer_store import FORGET, SETTING

RETRY_S: Final = 0.5

_LOG = logging.getLogger("marquee.serving")


class Follower(Protocol):
    """Is told of every change once, in order; `key` is the digest of a viewer."""

    def record(self, event: Event) -> object: ...

    def forget(self, key: str) -> None: ...

    def settings_changed(self, key: str) -> None: ...

    def put_items(self, entries: list[JournalEntry]) -> None: ...


class Tail:
    """Reads the changes after number `seq` and tells the follower."""

    def __init__(self, store: Store, follower: Follower, seq: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._store = store
        self._follower = follower
        self._seq = seq
        self._sleep = sleep
        self._bell = store.bell()
        self._lock = Lock()
        self._is_waiting = False
        self._is_closed = False

    def catch_up(self) -> bool:
        """True when the follower knows all that is committed; False when the store cannot be read now."""
        if self._is_waiting:
            return False
        try:
            self._read()
        except StoreError as error:
            _LOG.error("answering from memory until the store is back: %s", error)
            self._wait_for_store()
            return False
        return True

    def close(self) -> None:
        """Stop following."""
        self._is_closed = True
        with self._lock:
            self._bell.close()

    def _read(self) -> None:
        with self._lock:
            if not self._is_closed and self._bell.has_rung():
                try:
                    self._follow(self._store.changes(self._seq))
                except StoreError:
                    self._bell.close()  # it has rung, and nobody came
                    raise

    def _follow(self, changes: list[Change]) -> None:
        """Whole stretches of events at once, the rest one by one, in order."""
        start = 0
        while start < len(changes):
            stop = start + 1
            while changes[start].kind == EVENTS and stop < len(changes) and changes[stop].kind == EVENTS:
                stop += 1
            self._tell(changes[start], changes[stop - 1].seq)
            self._seq = changes[stop - 1].seq
            start = stop

    def _tell(self, change: Change, until: int) -> None:
        if change.kind == EVENTS:
            for batch in self._store.events.after(self._seq, until):
                for event in batch.events:
                    self._follower.record(event)
                self._seq = batch.seq
        elif change.kind == FORGET:
            self._follower.forget(change.key)
        elif change.kind == SETTING:
            self._follower.settings_changed(change.key)
        elif change.kind == ITEM:
            self._follower.put_items(self._store.items.read([change.key]))

    def _wait_for_store(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            Thread(target=self._try_again, name="store", daemon=True).start()

    def _try_again(self) -> None:
        while not self._is_closed:
            self._sleep(RETRY_S)
            try:
                self._read()
            except StoreError:
                continue
            _LOG.warning("the store is back")
            break
        self._is_waiting = False
