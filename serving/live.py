"""A recommender that knows what happened: first what the store holds beyond its bundle, then every change."""

from __future__ import annotations

from threading import Lock
from typing import Final

from serving.page.viewers import STICKY_MS
from serving.recommender import Recommender
from serving.store.digest import digest
from serving.store.item_journal import JournalEntry
from serving.store.store import Store
from serving.tail import Tail

MAX_CACHED_SETTINGS: Final = 100_000


class Live:
    """One bundle's recommender and its place in the store's changes; without a store only the recommender."""

    def __init__(self, recommender: Recommender, store: Store | None = None) -> None:
        self.recommender = recommender
        self._store = store
        self._tail: Tail | None = None
        self._settings: dict[str, dict[str, bytes]] = {}
        self._settings_lock = Lock()
        self._num_settings_changes = 0

    @classmethod
    def start(cls, recommender: Recommender, store: Store | None) -> Live:
        """Replay what the bundle cannot know; a StoreError when the store cannot be read."""
        live = cls(recommender, store)
        if store is not None:
            until = store.newest()
            live._replay(store, until)
            live._tail = Tail(store, live.follower(), until)
        return live

    def follower(self) -> _Follower:
        """What the tail talks to."""
        return _Follower(self)

    def catch_up(self) -> bool:
        """Whether all that is committed is known now."""
        return self._tail is None or self._tail.catch_up()

    def settings(self, user_id: str) -> dict[str, bytes]:
        """JSON of a viewer's settings by name, as of the last `catch_up`; do not change it."""
        if self._store is None:
            return {}
        key, seen = digest(user_id), self._num_settings_changes
        found = self._settings.get(key)
        if found is None:
            found = self._store.viewers.settings(user_id)
            self._remember(key, found, seen)
        return found

    def close(self) -> None:
        """Stop following the store."""
        if self._tail is not None:
            self._tail.close()

    def drop_settings(self, key: str) -> None:
        """The viewer with this digest has other settings now."""
        with self._settings_lock:
            self._num_settings_changes += 1
            self._settings.pop(key, None)

    def _remember(self, key: str, found: dict[str, bytes], seen: int) -> None:
        """Unless a change came in between."""
        with self._settings_lock:
            if seen == self._num_settings_changes:
                if len(self._settings) >= MAX_CACHED_SETTINGS:
                    self._settings.clear()
                self._settings[key] = found

    def _replay(self, store: Store, until: int) -> None:
        bundle, follower = self.recommender.bundle, self.follower()
        created_ms = int(bundle.manifest.created.timestamp() * 1000)
        for key in store.viewers.forgotten(created_ms):
            follower.forget(key)
        follower.put_items(store.items.read())
        trained_until_ms = bundle.manifest.trained_until_ms if bundle.spec.has_clock else -1
        for batch in store.events.lasting(trained_until_ms, created_ms, trained_until_ms - STICKY_MS, until):
            for event in batch.events:
                self.recommender.state.remember(event)
        for batch in store.events.unlearned(trained_until_ms, created_ms, until):
            for event in batch.events:
                follower.record(event)


class _Follower:
    """Hands each change to whoever must know."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self.record = live.recommender.state.record

    def forget(self, key: str) -> None:
        self._live.recommender.state.forget(key)
        self._live.drop_settings(key)

    def settings_changed(self, key: str) -> None:
        self._live.drop_settings(key)

    def put_items(self, entries: list[JournalEntry]) -> None:
        self._live.recommender.shelf.put(entries)
