"""Memory and time to readiness of the server, alone and as several workers: server_memory.py BUNDLE [FOLDER]."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path

from benchmarks.load import messages
from benchmarks.result import Cell, Result
from benchmarks.server_process import Client, served
from serving.bundle import Bundle

NUM_REQUESTS = 300


def megabytes(pid: int) -> dict[str, float]:
    """Resident, proportional and unshared memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {name: int(number) for name, number in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    unshared = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return {"rss": kilobytes["Rss"] / 1024, "pss": kilobytes["Pss"] / 1024, "uss": unshared / 1024}


def children(pid: int) -> list[int]:
    """Processes started by a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def warm(port: int, bundle: Bundle) -> None:
    """Let every process answer."""
    for message in messages(bundle, NUM_REQUESTS):
        client = Client(port)
        await client.post("/v1/recommend", message)
        client.close()


def main(path: str, folder: Path | None) -> None:
    """One process, then three workers."""
    bundle = Bundle.load(Path(path))
    size = sum(file.stat().st_size for file in bundle.folder.rglob("*") if file.is_file()) / 2**20
    rows: list[list[Cell]] = []
    facts: dict[str, Cell] = {"bundle": f"{Path(path).name}, {size:.0f} MB on disk, {bundle.index.num_items:,} items"}
    for workers in (1, 3):
        with served(f"bundle={path}", "store=none", f"workers={workers}") as server:
            facts[f"ready after, workers={workers}"] = f"{server.ready_s:.2f} s"
            time.sleep(3 if workers > 1 else 0)
            asyncio.run(warm(server.port, bundle))
            pids = children(server.pid) if workers > 1 else [server.pid]
            for number, pid in enumerate(pids):
                rows.append(
                    [f"workers={workers}, process {number + 1}", *(round(mb, 1) for mb in megabytes(pid).values())]
                )
    Result("Server memory", facts, ("process", "RSS MB", "PSS MB", "USS MB"), rows, ("onnxruntime", "faiss-cpu")).write(
        folder
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
