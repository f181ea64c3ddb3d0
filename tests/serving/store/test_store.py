from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.events import Event
from serving.store.database import StoreError
from serving.store.digest import digest
from serving.store.item_journal import JournalEntry
from serving.store.store import Store
from towers.schema import EventType


def event(number: int, user_id: str = "ann", ts_ms: int = 1000) -> Event:
    return Event(user_id, f"item-{number}", ts_ms, EventType.PLAY, f"e{number}")


def test_what_is_stored_comes_back_whole_and_in_order(store: Store) -> None:
    full = Event(
        "zoë 🎬", "x", 5, EventType.IMPRESSION, "e", 1.0, 2.5, 3.5, 4.5, "acc", "ses", "req", "ser", 1, 2, 3.5, "r",
        "t", 0, 7, "v", 0.25, "m", "tv", -60, True, "a query", {"companions": "family"},
    )  # fmt: skip
    assert None not in full
    store.events.append([full], 10)
    store.events.append([event(3), event(1), event(2)], 11)
    batches = list(store.events.after(0, store.newest()))
    assert [batch.events for batch in batches] == [[full], [event(3), event(1), event(2)]]
    assert [batch.seq for batch in batches] == [change.seq for change in store.changes(0)]
    assert list(store.events.after(batches[0].seq, store.newest())) == batches[1:]
    assert store.events.of("ann") == batches[1].events


def test_an_event_is_taken_once_however_often_it_is_delivered(store: Store) -> None:
    assert store.events.append([event(1), event(2)], 10) == 2
    assert store.events.append([event(2), event(3), event(3)], 10) == 1
    assert store.events.append([], 10) == 0
    assert [each.event_id for each in store.events.of("ann")] == ["e1", "e2", "e3"]


def test_a_batch_is_taken_whole_or_not_at_all(store: Store) -> None:
    with pytest.raises(StoreError):
        store.events.append([event(1), event(2)._replace(user_id=None)], 10)  # type: ignore[arg-type]
    assert store.events.of("ann") == []
    assert store.newest() == 0 or not list(store.events.after(0, store.newest()))


def test_writers_take_turns_and_readers_miss_nothing(store: Store, store_url: str) -> None:
    others = [Store.open(store_url) for _ in range(3)]
    seen: list[str] = []
    seq = 0
    with ThreadPoolExecutor(3) as pool:
        work = [
            pool.submit(others[w].events.append, [event(100 * w + n), event(100 * w + n + 50)], 1)
            for n in range(20)
            for w in range(3)
        ]
        while not all(done.done() for done in work) or seq < store.newest():
            until = store.newest()
            seen += [str(each.event_id) for batch in store.events.after(seq, until) for each in batch.events]
            seq = until
    for other in others:
        other.close()
    assert len(seen) == len(set(seen)) == 120


def test_processes_may_open_an_empty_store_at_the_same_time(store_url: str, repository: Path) -> None:
    code = f"from serving.store.store import Store; input('ready'); Store.open({store_url!r})"
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    opening = [
        subprocess.Popen(command, cwd=repository, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)
    ]
    for process in opening:
        assert process.stdout is not None
        assert process.stdout.read(5) == "ready"
    for process in opening:
        assert process.stdin is not None
        print(file=process.stdin, flush=True)
    errors = [process.communicate()[1] for process in opening]
    assert [process.returncode for process in opening] == [0] * 4, errors


def test_the_bell_rings_for_other_processes_commits(store: Store, store_url: str) -> None:
    bell, other = store.bell(), Store.open(store_url)
    assert [bell.has_rung(), bell.has_rung()] == [True, False]
    other.events.append([event(1)], 10)
    assert [bell.has_rung(), bell.has_rung()] == [True, False]
    store.events.append([event(2)], 10)
    assert bell.has_rung()
    bell.close()
    other.close()


def test_a_bundle_learns_what_it_cannot_know(store: Store) -> None:
    store.events.append([event(1, ts_ms=100), event(2, ts_ms=900)], 950)
    store.events.append([event(3, ts_ms=100)], 2000)
    missing = list(store.events.unlearned(trained_until_ms=500, created_ms=1500, until=store.newest()))
    assert [each.event_id for batch in missing for each in batch.events] == ["e2", "e3"]


def test_settings_are_kept_by_viewer_and_name(store: Store) -> None:
    store.viewers.put("ann", "controls", b'{"kids": true}')
    store.viewers.put("ann", "controls", b'{"kids": false}')
    store.viewers.put("bob", "answers", b"[]")
    assert store.viewers.settings("ann") == {"controls": b'{"kids": false}'}
    assert [store.viewers.delete("ann", "controls"), store.viewers.delete("ann", "controls")] == [True, False]
    assert store.viewers.settings("ann") == {}
    assert {change.key for change in store.changes(0)} == {digest("ann"), digest("bob")}


def test_a_forgotten_viewer_leaves_no_trace(store: Store, store_url: str) -> None:
    secret = "margarethe.von.trotta@example.org"
    store.events.append([event(1, secret), event(2, "bob")], 10)
    store.viewers.put(secret, "controls", b"{}")
    assert store.viewers.forget(secret, at_ms=50) == 1
    assert store.events.of(secret) == []
    assert store.viewers.settings(secret) == {}
    assert len(store.events.of("bob")) == 1
    assert store.viewers.forgotten(since_ms=49) == [digest(secret)]
    assert store.viewers.forgotten(since_ms=50) == []
    assert store.changes(0)[-1].key == digest(secret)
    if store_url.startswith("sqlite"):
        folder = Path(store_url.removeprefix("sqlite:///")).parent
        assert not any(secret.encode() in path.read_bytes() for path in folder.iterdir())


def test_old_events_are_pruned(store: Store) -> None:
    store.events.append([event(1, ts_ms=100), event(2, ts_ms=200)], 300)
    assert store.events.prune(before_ms=150) == 1
    assert [each.event_id for each in store.events.of("ann")] == ["e2"]


def test_the_journal_keeps_the_newest_state_of_an_item(store: Store) -> None:
    store.items.put(JournalEntry("a", b"{}", 1))
    store.items.put(JournalEntry("b", b"{}", 2))
    store.items.put(JournalEntry("a", None, 3))
    assert store.items.read() == [JournalEntry("b", b"{}", 2), JournalEntry("a", None, 3)]
    assert store.items.read(["a", "c"]) == [JournalEntry("a", None, 3)]
    assert [change.key for change in store.changes(0)] == ["a", "b", "a"]


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/x.sqlite", "postgresql://u:secret@127.0.0.1:1/x", "what"])
def test_a_store_that_cannot_be_had_is_an_error_without_its_password(url: str) -> None:
    with pytest.raises(StoreError) as error:
        Store.open(url)
    assert "secret" not in str(error.value)
