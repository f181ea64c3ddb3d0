"""Ids of variants, and the moment that images are chosen for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PREVIEW: Final = "+p"
"""Ends the id of a variant whose preview plays."""


def variant_id(image: int, line: int, num_lines: int, plays_preview: bool = False) -> str:
    """Id of an image with a line; the line goes without saying where there is but one."""
    still = f"{image}.{line}" if num_lines > 1 else str(image)
    return still + PREVIEW if plays_preview else still


def plays_preview(variant: str) -> bool:
    """Whether a preview belongs to the variant."""
    return variant.endswith(PREVIEW)


def image_of(variant: str) -> int:
    """Number of the image of a variant's id; -1 for an id that is none of ours."""
    number = variant.removesuffix(PREVIEW).partition(".")[0]
    return int(number) if number.isdigit() else -1


def line_of(variant: str) -> int:
    """Number of the line of a variant's id; 0 where it names none."""
    number = variant.removesuffix(PREVIEW).partition(".")[2]
    return int(number) if number.isdigit() else 0


def moment_of(context: Mapping[str, str], ts_ms: int) -> tuple[str, int | None]:
    """Device and local hour of a context; the hour follows from `tz_offset` in minutes where it is not given."""
    device, hour, zone = context.get("device", ""), context.get("hour", ""), context.get("tz_offset", "")
    if hour.isdigit():
        return device, int(hour) % 24
    if zone.lstrip("-").isdigit():
        return device, local_hour(ts_ms, int(zone))
    return device, None


def local_hour(ts_ms: int, tz_offset_min: int) -> int:
    """Hour of the day at a distance from UTC."""
    return (ts_ms // 60_000 + tz_offset_min) // 60 % 24


def is_late(ts_ms: int, tz_offset_min: int | None) -> bool:
    """From ten in the evening to five in the morning; no where the offset is unknown."""
    return tz_offset_min is not None and not 5 <= local_hour(ts_ms, tz_offset_min) < 22
