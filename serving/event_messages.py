"""Bodies of POST /v1/events and DELETE /v1/users."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from serving.errors import RequestError
from serving.events import Event
from serving.messages import MAX_ID_LENGTH, Id
from towers.schema import ITEMLESS_EVENTS, EventType

MAX_EVENTS = 1000
DAY_MS = 86_400_000

Name = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
Count = Annotated[int, Meta(ge=0, le=2**31)]
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]


class EventMessage(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a viewer did or was shown. Only searches and resets concern no item."""

    event_id: Annotated[Name, Meta(description="Made by the sender; an event delivered twice counts once.")]
    user_id: Annotated[Name, Meta(description="The viewer: the profile, not the account.")]
    event: EventType
    item_id: Id = ""
    ts_ms: Annotated[
        Annotated[int, Meta(ge=0, le=2**53)] | None, Meta(description="Milliseconds since 1970; default now.")
    ] = None
    account_id: Name | None = None
    session_id: Name | None = None
    request_id: Annotated[Name | None, Meta(description="Of the answer that showed the item.")] = None
    series_id: Name | None = None
    season: Count | None = None
    episode: Count | None = None
    position_s: Seconds | None = None
    watch_s: Seconds | None = None
    duration_s: Seconds | None = None
    rating: Number | None = None
    liked: Annotated[int, Meta(ge=0, le=1)] | None = None
    row_id: Name | None = None
    row_type: Name | None = None
    row_pos: Count | None = None
    col_pos: Count | None = None
    variant_id: Annotated[Name | None, Meta(description="The artwork shown.")] = None
    propensity: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None, Meta(description="Probability with which the variant was chosen.")
    ] = None
    model_version: Name | None = None
    device: Name | None = None
    tz_offset_min: Annotated[int, Meta(ge=-1440, le=1440)] | None = None
    autoplay: bool | None = None
    query: Annotated[str, Meta(max_length=1000)] | None = None
    context: Annotated[dict[Id, Id], Meta(max_length=20)] | None = None


class EventBatch(Struct, forbid_unknown_fields=True, frozen=True):
    """Taken whole or not at all."""

    events: Annotated[list[EventMessage], Meta(min_length=1, max_length=MAX_EVENTS)]


class EventsTaken(Struct, frozen=True):
    """Durable now: new events, and events delivered before."""

    accepted: int
    duplicates: int


class ViewerForgotten(Struct, frozen=True):
    """Deleted events of the viewer."""

    user_id: str
    events: int


def to_event(message: EventMessage, place: int, now_ms: int) -> Event:
    """The event of a message; a RequestError names a field that cannot be used."""
    if not message.item_id and message.event not in ITEMLESS_EVENTS:
        raise RequestError(
            f"events[{place}].item_id", f"missing; only {' and '.join(sorted(ITEMLESS_EVENTS))} need none"
        )
    ts_ms = now_ms if message.ts_ms is None else message.ts_ms
    if ts_ms > now_ms + DAY_MS:
        raise RequestError(f"events[{place}].ts_ms", f"{ts_ms} lies more than a day ahead; the time is {now_ms}")
    fields = msgspec.structs.asdict(message) | {"ts_ms": ts_ms}
    return Event(**fields)
