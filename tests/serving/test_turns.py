from __future__ import annotations

import asyncio

from serving.turns import Turns


def test_work_goes_in_order_and_newcomers_are_heard_in_between() -> None:
    happened: list[str] = []

    async def work(turns: Turns, name: str) -> None:
        await turns.wait()
        happened.append(name)
        if name == "first":
            asyncio.get_running_loop().call_soon(happened.append, "a newcomer")

    async def all_of_them() -> None:
        turns = Turns()
        await asyncio.gather(*(work(turns, name) for name in ("first", "second", "third")))

    asyncio.run(all_of_them())
    assert happened.index("a newcomer") < happened.index("third")


def test_who_gave_up_is_passed_over() -> None:
    async def all_of_them() -> list[str]:
        turns, happened = Turns(), list[str]()

        async def work(name: str) -> None:
            await turns.wait()
            happened.append(name)

        tasks = [asyncio.create_task(work(name)) for name in ("first", "second", "third")]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        return happened

    assert asyncio.run(all_of_them()) == ["first", "third"]
