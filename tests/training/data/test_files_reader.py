"""The same log in any usual form becomes the same checked event table."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.data import FilesConfig, load
from training.data.tables import has_header

NOW_MS = 1_800_000_000_000
LOG = pd.DataFrame(
    {
        "user_id": [7, 7, 12, 3],
        "item_id": [100, 200, 100, 300],
        "timestamp": [1_506_826_803, 1_506_826_801, 1_506_826_802, 1_506_826_801],
        "rating": [4.0, 2.5, np.nan, 5.0],
        "device": [3, 1, 1, 3],
        "country": ["NA", "DE", None, "FR"],
    }
)


def write(folder: Path, kind: str) -> Path:
    """The log in one of the forms that are read."""
    path = folder / f"log.{kind}"
    match kind:
        case "parquet":
            LOG.to_parquet(path)
        case "csv" | "csv.gz":
            LOG.to_csv(path, index=False)
        case "tsv":
            LOG.to_csv(path, index=False, sep="\t")
        case "jsonl":
            path.write_text("".join(json.dumps(record) + "\n" for record in LOG.to_dict("records")))
        case "jsonl.gz":
            with gzip.open(path, "wt") as file:
                file.writelines(json.dumps(record) + "\n" for record in LOG.to_dict("records"))
        case "parts":
            path.mkdir()
            LOG.iloc[:3].to_parquet(path / "part-0.parquet")
            LOG.iloc[3:].to_parquet(path / "part-1.parquet")
            (path / "_SUCCESS").touch()
    return path


KINDS = ["parquet", "csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parts"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_gives_the_same_table_and_fingerprint(tmp_path: Path, kind: str) -> None:
    reference = load(FilesConfig(events=str(write(tmp_path, "parquet"))), tmp_path, now_ms=NOW_MS)
    found = load(FilesConfig(events=str(write(tmp_path, kind))), tmp_path, now_ms=NOW_MS)
    pd.testing.assert_frame_equal(found.events, reference.events)
    assert found.fingerprint == reference.fingerprint
    assert found.has_clock
    assert found.ts_unit_ms == 1000


def test_events_are_in_time_order_with_file_order_between_equals(tmp_path: Path) -> None:
    events = load(FilesConfig(events=str(write(tmp_path, "csv"))), tmp_path, now_ms=NOW_MS).events
    assert events["user_id"].tolist() == ["7", "3", "12", "7"]
    assert events["ts_ms"].tolist() == [1_506_826_801_000, 1_506_826_801_000, 1_506_826_802_000, 1_506_826_803_000]
    assert events["event"].unique().tolist() == ["rating"]
    assert events["device"].tolist() == ["1", "3", "1", "3"]
    assert events["country"].fillna("-").tolist() == ["DE", "FR", "-", "NA"]


def test_four_of_five_stars_are_a_like_and_no_rating_is_neither(tmp_path: Path) -> None:
    liked = load(FilesConfig(events=str(write(tmp_path, "csv"))), tmp_path, now_ms=NOW_MS).events["liked"]
    np.testing.assert_array_equal(liked, np.array([0, 1, np.nan, 1], dtype=np.float32))


def test_a_long_file_keeps_its_order_between_equal_times(tmp_path: Path) -> None:
    times = np.arange(1000) % 7
    table = pd.DataFrame({"user": "u", "item": np.arange(1000), "ts": times})
    table.to_parquet(tmp_path / "log.parquet")
    items = load(FilesConfig(events=str(tmp_path / "log.parquet")), tmp_path, now_ms=NOW_MS).events["item_id"]
    assert items.astype(int).tolist() == sorted(range(1000), key=lambda item: item % 7)


@pytest.mark.parametrize(("top", "limit"), [(1, 0.8), (5, 4), (10, 8), (100, 80)])
def test_the_like_follows_the_scale_or_the_option(tmp_path: Path, top: int, limit: float) -> None:
    ratings = np.linspace(0, top, 11)
    table = pd.DataFrame({"user": "u", "item": range(11), "ts": range(11), "rating": ratings})
    table.to_csv(tmp_path / "log.csv", index=False)
    found = load(FilesConfig(events=str(tmp_path / "log.csv")), tmp_path, now_ms=NOW_MS).events["liked"]
    assert found.tolist() == (ratings >= limit).tolist()
    found = load(FilesConfig(events=str(tmp_path / "log.csv"), liked_from=top), tmp_path, now_ms=NOW_MS).events["liked"]
    assert found.sum() == 1


def test_pairs_in_a_text_file_have_positions_for_times(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("1 10\n1 11\n2 10\n1 007\n")
    found = load(FilesConfig(events=str(tmp_path / "log.txt")), tmp_path, now_ms=NOW_MS)
    assert not found.has_clock
    assert found.events["item_id"].tolist() == ["10", "10", "11", "007"]
    assert found.events["ts_ms"].tolist() == [0, 0, 1000, 2000]
    assert found.events["event"].unique().tolist() == ["click"]
    (tmp_path / "head.tsv").write_text("user\titem\n1\t10\n1\t11\n2\t10\n1\t007\n")
    again = load(FilesConfig(events=str(tmp_path / "head.tsv")), tmp_path, now_ms=NOW_MS)
    assert again.fingerprint == found.fingerprint


def test_other_names_event_types_and_units_are_mapped(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"who": ["a", "a"], "what": ["x", "y"], "when": [1000, 2000], "how": ["View", "PLAY"], "watch_ms": [5000, 0]}
    )
    table.to_parquet(tmp_path / "log.parquet")
    config = FilesConfig(
        events=str(tmp_path / "log.parquet"),
        columns={"user_id": "who", "item_id": "what", "timestamp": "when", "event": "how"},
        event_types={"view": "click"},
        timestamp_unit="ms",
    )
    events = load(config, tmp_path, now_ms=NOW_MS).events
    assert events["event"].tolist() == ["click", "play"]
    assert events["ts_ms"].tolist() == [1000, 2000]
    assert events["watch_s"].tolist() == [5, 0]


def test_truth_values_in_any_form_are_likes(tmp_path: Path) -> None:
    lines = [{"user": 1, "item": n, "ts": n, "liked": value} for n, value in enumerate([True, "false", 1, None])]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    liked = load(FilesConfig(events=str(tmp_path / "log.jsonl")), tmp_path, now_ms=NOW_MS).events["liked"]
    np.testing.assert_array_equal(liked, np.array([1, 0, 1, np.nan], dtype=np.float32))


def test_catalogue_and_viewers_come_along(tmp_path: Path) -> None:
    items = pd.DataFrame(
        {
            "id": [100, 200, 200],
            "Title": ["A", "B", "again"],
            "genres": ['[{"id": 1, "name": "Drama"}]', "Comedy|Crime, true", None],
            "overview": ["plot", None, "x"],
            "release_date": ["1995-10-30", None, "1996-01-01"],
            "studio": ["Z", "Y", "X"],
        }
    )
    items.to_csv(tmp_path / "items.csv", index=False)
    pd.DataFrame({"user": [7], "age": [30]}).to_parquet(tmp_path / "users.parquet")
    events = str(write(tmp_path, "parquet"))
    config = FilesConfig(events=events, items=str(tmp_path / "items.csv"), users=str(tmp_path / "users.parquet"))
    found = load(config, tmp_path, now_ms=NOW_MS)
    assert found.items is not None
    assert found.users is not None
    assert found.items["item_id"].tolist() == ["100", "200"]
    assert found.items["genres"].tolist() == [["Drama"], ["Comedy", "Crime, true"]]
    assert found.items["text"].fillna("-").tolist() == ["plot", "-"]
    assert found.items["year"].fillna(0).tolist() == [1995, 0]
    assert found.items["release_ms"].iloc[0] == 815_011_200_000
    assert found.items["studio"].tolist() == ["Z", "Y"]
    assert found.users.to_dict("records") == [{"user_id": "7", "age": "30"}]
    assert found.report.num_unknown_items == 1


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_lists_are_genres_or_text_of_an_item_and_no_context_of_an_event(tmp_path: Path, kind: str) -> None:
    items = pd.DataFrame({"item_id": [100, 200], "genres": [["Drama"], None], "tags": [["slow", "sad"], []]})
    log = LOG.assign(shown=pd.Series([["a"], ["b"], [], None], dtype=object))
    for name, table in (("items", items), ("log", log)):
        if kind == "parquet":
            table.to_parquet(tmp_path / f"{name}.parquet")
        else:
            table.to_json(tmp_path / f"{name}.jsonl", orient="records", lines=True)
    config = FilesConfig(events=str(tmp_path / f"log.{kind}"), items=str(tmp_path / f"items.{kind}"))
    found = load(config, tmp_path, now_ms=NOW_MS)
    assert "shown" not in found.events
    assert found.items is not None
    assert found.items["genres"].tolist() == [["Drama"], []]
    assert found.items["tags"].tolist() == ["slow, sad", ""]


def test_bad_rows_go_to_a_file_with_reason_place_and_original_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["user_id,item_id,timestamp,rating", *(f"u{n},i{n},{1_500_000_000 + n},4" for n in range(500))]
    lines += ["u1,i1,1500000001,4", "u2,i2,yesterday,4", "u3,i3,1500000003,many"]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    with caplog.at_level(logging.WARNING):
        report = load(FilesConfig(events=str(tmp_path / "log.csv")), tmp_path / "out", now_ms=NOW_MS).report
    assert (report.num_read, report.num_kept) == (503, 500)
    assert report.bad == {
        "time is unreadable": 1,
        "rating is not a finite number": 1,
        "event is a duplicate": 1,
    }
    assert report.quarantine is not None
    found = pd.read_csv(report.quarantine, dtype=str)
    assert found["row"].tolist() == ["500", "501", "502"]
    assert found["reason"].tolist() == ["event is a duplicate", "time is unreadable", "rating is not a finite number"]
    assert found["timestamp"].tolist()[1] == "yesterday"
    assert found["rating"].tolist()[2] == "many"
    assert "3 of 503 events refused: 1 x time is unreadable" in caplog.text


def test_too_many_bad_rows_stop_with_examples_and_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user,item,ts\nu1,i1,5\nu2,i2,never\n,i3,6\nu4,i4,7\n")
    with pytest.raises(ValueError, match=r"2 of 4 events \(50\.0%\) are bad") as caught:
        load(FilesConfig(events=str(tmp_path / "log.csv")), tmp_path, now_ms=NOW_MS)
    message = str(caught.value)
    assert "row 1 (time is unreadable: user=u2, item=i2, ts=never)" in message
    assert str(tmp_path / "bad_events.csv") in message
    assert "raise data.max_bad_share" in message
    assert "\n" not in message
    config = FilesConfig(events=str(tmp_path / "log.csv"), max_bad_share=0.5)
    assert load(config, tmp_path, now_ms=NOW_MS).report.num_kept == 2


def test_repeated_rows_are_dropped_quietly_but_an_event_id_that_never_changes_stops(tmp_path: Path) -> None:
    pd.concat([LOG, LOG]).to_csv(tmp_path / "twice.csv", index=False)
    found = load(FilesConfig(events=str(tmp_path / "twice.csv")), tmp_path, now_ms=NOW_MS)
    assert found.report.bad == {"event is a duplicate": 4}
    LOG.assign(event_id="same").to_csv(tmp_path / "same.csv", index=False)
    with pytest.raises(ValueError, match="max_duplicate_share"):
        load(FilesConfig(events=str(tmp_path / "same.csv")), tmp_path, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, r"none\.csv does not exist; give the right path with data\.events=PATH"),
        ("log.xlsx", "x", r"log\.xlsx ends in \.xlsx; give a file that ends in \.parquet, \.csv"),
        ("log.csv", "", r"data\.events=.*log\.csv cannot be read"),
        ("log.parquet", "x", r"log\.parquet cannot be read"),
        ("log.jsonl", '{"user": 1}\n{"user":\n', r"line 2 is no JSON"),
        ("log.csv", "user,item\n1,2\n", r"no column timestamp .* are user, item; .*data\.columns\.timestamp=NAME"),
        ("log.csv", "user,item,ts\n", "no event is left of 0 read"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        load(FilesConfig(events=str(tmp_path / name)), tmp_path, now_ms=NOW_MS)
    assert "\n" not in str(caught.value)


def test_an_event_type_that_is_none_of_ours_is_refused_as_an_option(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'views' is unknown; choose from impression"):
        load(FilesConfig(events=str(write(tmp_path, "csv")), default_event="views"), tmp_path, now_ms=NOW_MS)


def test_the_fingerprint_knows_every_value_column_and_order(tmp_path: Path) -> None:
    def fingerprint(table: pd.DataFrame) -> str:
        table.to_parquet(tmp_path / "log.parquet")
        return load(FilesConfig(events=str(tmp_path / "log.parquet")), tmp_path, now_ms=NOW_MS).fingerprint

    changed = [
        LOG.assign(user_id=[7, 7, 12, 4]),
        LOG.assign(timestamp=LOG["timestamp"] + 1),
        LOG.assign(rating=[4.0, 2.5, 1.0, 5.0]),
        LOG.assign(country=["NA", "DE", "", "FR"]),
        LOG.rename(columns={"device": "device2"}),
        LOG.assign(device=LOG["country"], country=LOG["device"]),
        LOG.iloc[:3],
        LOG.iloc[[3, 0, 1, 2]],
    ]
    prints = {fingerprint(table) for table in (LOG, *changed)}
    assert len(prints) == 1 + len(changed)
    assert fingerprint(LOG[LOG.columns[::-1]]) in prints


def test_ratings_without_a_header_are_read_as_amazon_lays_them_out(tmp_path: Path) -> None:
    path = tmp_path / "ratings_Beauty.csv"
    path.write_text("A39HTATAQ9V7YF,0205616461,5.0,1369699200\nA3JM6GV9MNOF9X,0558925278,3.0,1355443200\n")
    dataset = load(FilesConfig(events=str(path)), tmp_path, now_ms=NOW_MS)
    assert dataset.report.num_kept == 2
    assert dataset.events["item_id"].tolist() == ["0558925278", "0205616461"]
    assert dataset.events["ts_ms"].tolist() == [1_355_443_200_000, 1_369_699_200_000]
    np.testing.assert_array_equal(dataset.events["liked"], np.array([0, 1], dtype=np.float32))


@pytest.mark.parametrize(
    ("first", "expected"),
    [("user,item,rating,timestamp", True), ("u,i,1.0,5", False), ("1,2,3", True), ("1,2,3.5,978300760", False)],
)
def test_a_header_is_told_from_a_first_row(first: str, expected: bool) -> None:
    assert has_header(first.split(",")) is expected
