"""Words of the invented catalogue: a genre a topic, with the words and things that go with it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Genre(NamedTuple):
    """One topic: its label, how dark and how fit for families it is (0 to 1), a hue, tags, and things for stories."""

    name: str
    dark: float
    family: float
    hue: int
    tags: tuple[str, ...]
    things: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _genre(line: str) -> Genre:
    name, numbers, tags, things = line.split("; ")
    dark, family, hue = numbers.split()
    return Genre(name, float(dark), float(family), int(hue), _words(tags), tuple(things.split(", ")))


_TABLE: Final = """
Action; 0.55 0.3 8; chase heist mercenary explosive rescue convoy; a stolen convoy, a bridge, a last rescue
Comedy; 0.1 0.7 48; awkward prank roommates mistaken wedding satire; a wrong wedding, a lost bet, a fake job
Drama; 0.5 0.4 210; grief inheritance estranged court reunion smalltown; an inheritance, an old letter, a closed mill
Romance; 0.15 0.5 340; longing letters seaside secondchance summer bakery; a summer, a bakery by the sea, a promise
Horror; 1 0 0; haunted cellar possession scream ritual cabin; a cellar, an old ritual, a cabin
Thriller; 0.8 0.1 275; conspiracy stalker whistleblower paranoia hostage cipher; a cipher, a hidden camera, a false name
Crime; 0.85 0.1 230; detective cartel forensic informant burglary undercover; a cold case, a ledger, an informant
Science Fiction; 0.5 0.4 190; android orbit colony wormhole terraforming signal; a signal, a silent colony, an android
Fantasy; 0.35 0.6 128; dragon prophecy sorcerer realm relic quest; a relic, a prophecy, a sleeping dragon
Animation; 0.05 1 30; talking colourful whimsical puppet toybox moonlit; a toybox, a paper moon, a lost puppet
Documentary; 0.4 0.4 96; archive interview expedition testimony evidence; an archive, an expedition, a lost film
Nature; 0.1 0.9 150; ocean savanna migration glacier rainforest wildlife; a reef, a migration, a glacier
Sport; 0.15 0.7 110; underdog championship coach rivalry marathon locker; a final, a comeback, an old rivalry
Music; 0.2 0.7 300; band tour choir jazz backstage melody; a last tour, a choir, a broken record
History; 0.55 0.4 36; empire siege dynasty court revolution harbour; a siege, a throne, a forgotten treaty
Cooking; 0 0.9 20; kitchen harvest recipe spice market chef; a market, a family recipe, a tiny kitchen
"""

GENRES: Final = tuple(_genre(line) for line in _TABLE.strip().splitlines())
"""Topic t of the world is genre t here."""

NUM_TOPICS: Final = len(GENRES)

ADJECTIVES: Final = _words(
    "Silent Golden Broken Paper Distant Crooked Electric Northern Hollow Velvet Midnight Scarlet Restless Gentle "
    "Frozen Second Wandering Salt Copper Quiet Burning Borrowed Hidden Patient Lost Tall Blue Honest Feral Last"
)
NOUNS: Final = _words(
    "Harbour Lantern Orchard Signal Garden Ledger Compass Winter River Station Letter Kingdom Mirror Tide Engine "
    "Sparrow Bridge Parade Island Window Mountain Anthem Shadow Kitchen Voyage Season Clock Meadow Circus Summer"
)
PLACES: Final = _words(
    "Arlen Bremmer Castrel Dunmore Eskval Farrow Galden Hestria Ivero Jarno Kessel Lorne Marish Novane Orsk Pellow"
)
FIRST_NAMES: Final = _words(
    "Ada Bram Celia Dario Elin Farid Greta Hugo Ines Jonas Kaya Leo Mira Nils Oona Pavel Rosa Sami Tilda Yusuf"
)
LAST_NAMES: Final = _words(
    "Almgren Bastide Corrado Dahl Ekene Fontaine Grell Haddad Ishida Jurado Kovel Lindqvist Moreau Nakamba Okoro "
    "Petrov Quist Rossetti Salo Tamm Ulvaeus Varga Wexler Yilmaz Zorn"
)
REGIONS: Final = ("Northern", "Iberian", "Eastern", "Island")
MATURITY: Final = ("all", "7", "12", "16", "18")
