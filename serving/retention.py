"""Deletes events that are older than they may become, once a day."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import Final

from serving.assembly import now_ms
from serving.store.database import StoreError
from serving.store.store import Store

DAY_S: Final = 86_400

_LOG = logging.getLogger("marquee.serving")


def prune_daily(store: Store, keep_days: int, stop: Event | None = None) -> Thread:
    """Start now, in a thread that ends with the process or when `stop` is set."""
    thread = Thread(target=_prune, args=(store, keep_days, stop or Event()), name="retention", daemon=True)
    thread.start()
    return thread


def _prune(store: Store, keep_days: int, stop: Event) -> None:
    while not stop.is_set():
        try:
            gone = store.events.prune(now_ms() - keep_days * DAY_S * 1000)
        except StoreError as error:
            _LOG.error("old events were not deleted: %s", error)
        else:
            if gone:
                _LOG.warning("%d events older than %d days deleted", gone, keep_days)
        stop.wait(DAY_S)
