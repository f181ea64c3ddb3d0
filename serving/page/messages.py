"""Bodies of the homepage's requests and responses; decoding is strict, and the OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from serving.messages import Id, Labels, Stage, Time
from serving.recommendation import Step

MAX_ROWS = 40
MAX_ROW_LENGTH = 75

Strategy = Literal["template", "independent", "stagewise", "whole"]
Attention = Literal["geometric", "grid", "l_pattern"]
CallToAction = Literal["Play", "Resume", "Watch trailer", "Add to list", "Watch again"]
Answer = Literal["like", "dislike", "unknown"]
Grid = Literal["adaptive", "diverse", "popular"]


class Sizes(Struct, forbid_unknown_fields=True, frozen=True):
    """How large the page may become; what cannot be filled is left out."""

    rows: Annotated[int, Meta(ge=1, le=MAX_ROWS, description="Most rows.")] = 8
    row_length: Annotated[int, Meta(ge=1, le=MAX_ROW_LENGTH, description="Most titles in a row.")] = 12
    min_row_length: Annotated[int, Meta(ge=1, le=MAX_ROW_LENGTH, description="Shorter rows are left out.")] = 4


class PageRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Who opens the page, in which moment; everything is optional."""

    user_id: Annotated[Id | UnsetType, Meta(description="The viewer; unknown ones get a page for the moment.")] = UNSET
    context: Annotated[
        dict[Id, Id],
        Meta(
            max_length=100,
            description="The moment: `device`, `companions`, `hour` (0 to 23, local) or `tz_offset` (minutes), and the "
            "context columns of the data.",
        ),
    ] = {}
    timestamp: Annotated[
        Time | UnsetType,
        Meta(description="Time of the request, in the unit of the training data's `timestamp` column; default now."),
    ] = UNSET
    seed: Annotated[
        int, Meta(ge=0, le=2**31, description="The same seed, viewer, moment and events give the same page.")
    ] = 0
    strategy: Annotated[Strategy, Meta(description="How rows are chosen and ordered.")] = "stagewise"
    attention: Annotated[Attention, Meta(description="How the eye is thought to go over the page.")] = "geometric"
    sizes: Sizes = Sizes()


class Variant(Struct, frozen=True):
    """How a title presents itself: which image and which line; the id ends in `+p` where its preview plays."""

    id: str
    artwork: str
    line: str


class Preview(Struct, frozen=True):
    """Whether the title's preview starts when it is looked at, the chance of that decision, and why."""

    plays: bool
    propensity: float
    reason: str


class PageItem(Struct, frozen=True):
    """One title in one slot."""

    item_id: str
    title: str
    position: Annotated[int, Meta(description="Place in the row, from 0.")]
    variant: Variant
    call_to_action: CallToAction
    score: Annotated[float, Meta(description="Chance-like appeal in this moment, 0 to 1.")]
    propensity: Annotated[float, Meta(description="Chance with which this variant was drawn among the title's.")]
    genres: list[str] = []
    maturity: str = ""
    year: int | None = None
    minutes: int | None = None
    progress: Annotated[float | None, Meta(description="Watched share, where the viewer has begun.")] = None
    preview: Preview | None = None


class PageRow(Struct, frozen=True):
    """A row with its reason in words; `row_id` goes with every event about its items."""

    row_id: str
    template: Annotated[str, Meta(description="Kind of row, such as `because_you_watched`.")]
    title: str
    reason: str
    items: list[PageItem]
    pinned: bool = False
    score: Annotated[float, Meta(description="What the strategy thought the row worth at its place.")] = 0.0


class Billboard(Struct, frozen=True):
    """The featured title on top."""

    row_id: str
    reason: str
    item: PageItem


class Autoplay(Struct, frozen=True):
    """Whether previews and next episodes start by themselves, and why; `propensity` of the decision on episodes."""

    previews: bool
    next_episode: bool
    reason: str
    propensity: float = 1.0


class PageResponse(Struct, frozen=True):
    """The homepage. `request_id` joins later events to it."""

    request_id: str
    model_version: str
    user_id: str | None
    billboard: Billboard | None
    rows: list[PageRow]
    autoplay: Autoplay
    stages: list[Stage]
    degraded: Annotated[
        bool, Meta(description="True when a model failed or time ran out and a simpler order took over.")
    ]
    is_new: Annotated[bool, Meta(description="True for a viewer of whom nothing is known: offer the onboarding.")]
    step: Annotated[Step, Meta(description="Which order: full, or how far down the ladder.")] = Step.FULL


class OnboardingItem(Struct, frozen=True):
    """A title to judge."""

    item_id: str
    title: str
    artwork: str
    line: str
    genres: list[str] = []
    year: int | None = None


class OnboardingResponse(Struct, frozen=True):
    """The next titles to ask about; the page is personal after the first answer."""

    user_id: str | None
    question: str
    num_answers: int
    grid: Grid
    items: list[OnboardingItem]
    model_version: str


class OnboardingAnswer(Struct, forbid_unknown_fields=True, frozen=True):
    """What the viewer said of one title."""

    item_id: Id
    answer: Answer


class OnboardingRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Answers to the titles shown; the response brings the next ones."""

    user_id: Id
    answers: Annotated[list[OnboardingAnswer], Meta(max_length=200)]
    k: Annotated[int, Meta(ge=1, le=100, description="How many titles to ask about next.")] = 12
    grid: Grid = "adaptive"


class RowItem(Struct, forbid_unknown_fields=True, frozen=True):
    """A title taken out of a row."""

    row_id: Id
    item_id: Id


class Controls(Struct, forbid_unknown_fields=True, frozen=True):
    """The viewer's own hand; PUT replaces all of it.

    What is forbidden here is left out before retrieval and once more when the page leaves.
    """

    maturity: Annotated[Id | None, Meta(description="Highest maturity label shown; null shows everything.")] = None
    kids: Annotated[bool, Meta(description="Only titles for children, whatever `maturity` says.")] = False
    blocked_items: Labels = []
    blocked_genres: Labels = []
    hidden_items: Annotated[Labels, Meta(description="Watched, but as if never watched.")] = []
    removed: Annotated[list[RowItem], Meta(max_length=1000, description="Titles taken out of a row.")] = []
    autoplay_previews: bool = True
    autoplay_next_episode: bool = True
    personalised: Annotated[bool, Meta(description="False gives the page of an unknown viewer.")] = True


class ControlsResponse(Struct, frozen=True):
    """Controls as they stand, and what can be chosen."""

    user_id: str
    controls: Controls
    maturity_labels: Annotated[list[str], Meta(description="From the mildest to the strongest.")]
    genres: list[str]


class Share(Struct, frozen=True):
    """A named part of a whole."""

    name: str
    share: float


class ProfileResponse(Struct, frozen=True):
    """How a viewer watches, computed from events. The fewer there are, the nearer the shares are to everybody's."""

    user_id: str
    words: Annotated[list[str], Meta(description="The profile in plain sentences.")]
    num_events: int
    continues: Annotated[float | None, Meta(description="Share of the sittings that begin with a title begun before.")]
    binge: Annotated[float | None, Meta(description="Share of the sittings with three or more episodes.")]
    next_episode: Annotated[float | None, Meta(description="Share of the finished episodes that another one followed.")]
    short_form: Annotated[float | None, Meta(description="Share of plays of titles of half an hour or less.")]
    completion: Annotated[float | None, Meta(description="Mean watched share.")]
    exploration: Annotated[
        float | None, Meta(description="Share of plays in genres new to the viewer's last 20 plays.")
    ]
    pauses: Annotated[float | None, Meta(description="Share of plays with a pause.")]
    together: Annotated[float | None, Meta(description="Share of plays in company.")]
    usual: Annotated[list[Share], Meta(description="The same shares of everybody, by name.")]
    hours: Annotated[list[float], Meta(description="Share of plays by local hour, 24 numbers; empty if unknown.")]
    devices: list[Share]
    genres: list[Share]
