from __future__ import annotations

import asyncio

from serving.joined_writes import JoinedWrites


class Recorded(asyncio.Transport):
    """Keeps what each system call would send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def test_what_is_written_in_one_turn_of_the_loop_leaves_as_one() -> None:
    async def talk() -> list[bytes]:
        recorded = Recorded()
        joined = JoinedWrites(recorded, asyncio.get_running_loop())
        joined.write(b"head ")
        joined.write(b"body")
        await asyncio.sleep(0)
        joined.write(b"next")
        await asyncio.sleep(0)
        return recorded.sent

    assert asyncio.run(talk()) == [b"head body", b"next"]


def test_nothing_is_lost_at_the_end() -> None:
    async def talk() -> Recorded:
        recorded = Recorded()
        joined = JoinedWrites(recorded, asyncio.get_running_loop())
        joined.write(b"head ")
        joined.write(b"body")
        joined.close()
        assert joined.is_closing()
        await asyncio.sleep(0)
        return recorded

    assert asyncio.run(talk()).sent == [b"head body"]
