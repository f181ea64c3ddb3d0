"""Bodies of the HTTP requests and responses; decoding is strict, and the OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from serving.recommendation import Step

MAX_K = 1000
MAX_ID_LENGTH = 256
MAX_IDS = 20_000

Id = Annotated[str, Meta(max_length=MAX_ID_LENGTH)]
Ids = Annotated[list[Id], Meta(max_length=MAX_IDS)]
Time = Annotated[float, Meta(ge=-1e18, le=1e18)]
Labels = Annotated[list[Id], Meta(max_length=1000)]


class Filters(Struct, forbid_unknown_fields=True, frozen=True):
    """Restricts the answer to a part of the catalogue; an empty list restricts nothing."""

    genres: Annotated[Labels, Meta(description="Only items with at least one of these genres.")] = []
    exclude_genres: Annotated[Labels, Meta(description="No items with any of these genres.")] = []
    maturity: Annotated[Labels, Meta(description="Only items with one of these maturity labels.")] = []


class ArrangementRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """What happens after the score; what is left out is as the server was told to do it."""

    diversity: Annotated[
        Annotated[float, Meta(ge=0, le=10)] | UnsetType,
        Meta(description="Price of likeness to a title above; the best score is worth 1 more than the worst."),
    ] = UNSET
    taste_match: Annotated[
        Annotated[float, Meta(ge=0, le=10)] | UnsetType,
        Meta(description="Price of the distance between the viewer's mix of genres and the list's."),
    ] = UNSET
    max_per_person: Annotated[
        Annotated[int, Meta(ge=0, le=MAX_K)] | UnsetType,
        Meta(description="Titles with any one person before others follow; 0: any number."),
    ] = UNSET
    exploration: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | UnsetType,
        Meta(description="How much is left to chance; `propensities` says what chance each item had."),
    ] = UNSET


class RecommendRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Who asks, in which moment, for how many items; everything is optional."""

    user_id: Annotated[
        Id | UnsetType, Meta(description="The viewer; unknown ones are answered from the moment alone.")
    ] = UNSET
    history: Annotated[
        Ids | UnsetType,
        Meta(description="Item ids, oldest first; replaces what the server knows of the viewer."),
    ] = UNSET
    history_timestamps: Annotated[
        Annotated[list[Time], Meta(max_length=MAX_IDS)] | UnsetType,
        Meta(description="Time of each item of `history`, in the unit of the training data's `timestamp` column."),
    ] = UNSET
    is_bag: Annotated[
        bool,
        Meta(description="The order of the history means nothing: titles that were picked, not watched one by one."),
    ] = False
    context: Annotated[
        dict[Id, Id], Meta(max_length=100, description="Context columns of the moment; unknown columns are ignored.")
    ] = {}
    timestamp: Annotated[
        Time | UnsetType,
        Meta(description="Time of the request, in the unit of the training data's `timestamp` column; default now."),
    ] = UNSET
    k: Annotated[int, Meta(ge=1, le=MAX_K, description="How many items to answer.")] = 10
    exclude: Annotated[Ids, Meta(description="Item ids that must not be answered.")] = []
    filters: Filters = Filters()
    filter_seen: Annotated[bool, Meta(description="Leave out the items of the history.")] = True
    use_ranker: Annotated[bool, Meta(description="False answers in the order of retrieval.")] = True
    arrangement: ArrangementRequest = ArrangementRequest()


class Stage(Struct, frozen=True):
    """What one stage of the pipeline kept and removed, and its time."""

    name: str
    kept: int
    removed: int
    ms: float


class RecommendResponse(Struct, frozen=True):
    """Parallel lists, best item first."""

    items: list[str]
    scores: list[float]
    titles: list[str]
    reasons: list[str]
    propensities: Annotated[
        list[float],
        Meta(description="Chance of each item at its place, given those above it; goes with impressions of it."),
    ]
    model_version: str
    request_id: str
    degraded: Annotated[
        bool, Meta(description="True when a model failed or time ran out and a simpler order took over.")
    ]
    step: Annotated[Step, Meta(description="Which order: full, or how far down the ladder.")]
    stages: list[Stage]


class SimilarResponse(Struct, frozen=True):
    """Nearest items, best first, in parallel lists; without the item itself."""

    item_id: str
    items: list[str]
    scores: list[float]
    titles: list[str]
    model_version: str


class Health(Struct, frozen=True):
    """State of the server."""

    status: str
    model_version: str


class FieldError(Struct, frozen=True):
    """What is wrong with one field of the request."""

    field: str
    message: str


class Problem(Struct, frozen=True):
    """Problem document (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    request_id: str = ""
    errors: list[FieldError] = []
