"""Words of the invented catalogue: a genre a topic, with the words, moods and things that go with it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Genre(NamedTuple):
    """One topic: its label, words for synopses and tags, how dark and how fit for families it is (0 to 1), a hue."""

    name: str
    tags: tuple[str, ...]
    things: tuple[str, ...]
    dark: float
    family: float
    hue: int


def _genre(name: str, tags: str, things: str, dark: float, family: float, hue: int) -> Genre:
    return Genre(name, tuple(tags.split()), tuple(things.split(",")), dark, family, hue)


GENRES: Final = (
    _genre("Action", "chase heist mercenary explosive rescue convoy", "a stolen convoy,a bridge,a last rescue", 0.55, 0.3, 8),
    _genre("Comedy", "awkward prank roommates misunderstanding wedding satire", "a wrong wedding,a lost bet,a fake job", 0.1, 0.7, 48),
    _genre("Drama", "grief inheritance estranged courtroom reunion smalltown", "an inheritance,an old letter,a closed mill", 0.5, 0.4, 210),
    _genre("Romance", "longing letters seaside secondchance summer bakery", "a summer,a bakery by the sea,a promise", 0.15, 0.5, 340),
    _genre("Horror", "haunted cellar possession scream ritual cabin", "a cellar,an old ritual,a cabin", 1.0, 0.0, 0),
    _genre("Thriller", "conspiracy stalker whistleblower paranoia hostage cipher", "a cipher,a hidden camera,a false name", 0.8, 0.1, 275),
    _genre("Crime", "detective cartel forensic informant burglary undercover", "a cold case,a ledger,an informant", 0.85, 0.1, 230),
    _genre("Science Fiction", "android orbit colony wormhole terraforming signal", "a signal,a silent colony,a first android", 0.5, 0.4, 190),
    _genre("Fantasy", "dragon prophecy sorcerer realm relic quest", "a relic,a prophecy,a sleeping dragon", 0.35, 0.6, 128),
    _genre("Animation", "talking colourful whimsical puppet toybox moonlit", "a toybox,a paper moon,a lost puppet", 0.05, 1.0, 30),
    _genre("Documentary", "archive investigation interview expedition testimony evidence", "an archive,an expedition,a lost film", 0.4, 0.4, 96),
    _genre("Nature", "ocean savanna migration glacier rainforest wildlife", "a reef,a migration,a glacier", 0.1, 0.9, 150),
    _genre("Sport", "underdog championship coach rivalry marathon locker", "a final,a comeback,an old rivalry", 0.15, 0.7, 110),
    _genre("Music", "band tour choir jazz backstage melody", "a last tour,a choir,a broken record", 0.2, 0.7, 300),
    _genre("History", "empire siege dynasty court revolution harbour", "a siege,a throne,a forgotten treaty", 0.55, 0.4, 36),
    _genre("Cooking", "kitchen harvest recipe spice market chef", "a market,a family recipe,a tiny kitchen", 0.0, 0.9, 20),
)  # fmt: skip
"""Topic t of the world is genre t here."""

NUM_TOPICS: Final = len(GENRES)

ADJECTIVES: Final = tuple(
    [
        "Silent",
        "Golden",
        "Broken",
        "Paper",
        "Distant",
        "Crooked",
        "Electric",
        "Northern",
        "Hollow",
        "Velvet",
        "Midnight",
        "Scarlet",
        "Restless",
        "Gentle",
        "Frozen",
        "Second",
        "Wandering",
        "Salt",
        "Copper",
        "Quiet",
        "Burning",
        "Borrowed",
        "Hidden",
        "Patient",
        "Lost",
        "Tall",
        "Blue",
        "Honest",
        "Feral",
        "Last",
    ]
)
NOUNS: Final = tuple(
    [
        "Harbour",
        "Lantern",
        "Orchard",
        "Signal",
        "Garden",
        "Ledger",
        "Compass",
        "Winter",
        "River",
        "Station",
        "Letter",
        "Kingdom",
        "Mirror",
        "Tide",
        "Engine",
        "Sparrow",
        "Bridge",
        "Parade",
        "Island",
        "Window",
        "Mountain",
        "Anthem",
        "Shadow",
        "Kitchen",
        "Voyage",
        "Season",
        "Clock",
        "Meadow",
        "Circus",
        "Summer",
    ]
)
PLACES: Final = tuple(
    [
        "Arlen",
        "Bremmer",
        "Castrel",
        "Dunmore",
        "Eskval",
        "Farrow",
        "Galden",
        "Hestria",
        "Ivero",
        "Jarno",
        "Kessel",
        "Lorne",
        "Marish",
        "Novane",
        "Orsk",
        "Pellow",
    ]
)
FIRST_NAMES: Final = tuple(
    [
        "Ada",
        "Bram",
        "Celia",
        "Dario",
        "Elin",
        "Farid",
        "Greta",
        "Hugo",
        "Ines",
        "Jonas",
        "Kaya",
        "Leo",
        "Mira",
        "Nils",
        "Oona",
        "Pavel",
        "Rosa",
        "Sami",
        "Tilda",
        "Yusuf",
    ]
)
LAST_NAMES: Final = tuple(
    [
        "Almgren",
        "Bastide",
        "Corrado",
        "Dahl",
        "Ekene",
        "Fontaine",
        "Grell",
        "Haddad",
        "Ishida",
        "Jurado",
        "Kovel",
        "Lindqvist",
        "Moreau",
        "Nakamba",
        "Okoro",
        "Petrov",
        "Quist",
        "Rossetti",
        "Salo",
        "Tamm",
        "Ulvaeus",
        "Varga",
        "Wexler",
        "Yilmaz",
        "Zorn",
    ]
)
REGIONS: Final = ("Northern", "Iberian", "Eastern", "Island")
MATURITY: Final = ("all", "7", "12", "16", "18")
