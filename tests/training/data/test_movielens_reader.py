"""The original layouts of MovieLens, as small files with their oddities, and the real ones where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.data import Dataset, MovieLensConfig, load

NOW_MS = 1_800_000_000_000


def read(folder: Path, **options: float) -> Dataset:
    return load(MovieLensConfig(name=folder.name, path=str(folder), **options), folder / "out", now_ms=NOW_MS)  # type: ignore[arg-type]


def items_of(dataset: Dataset) -> pd.DataFrame:
    assert dataset.items is not None
    return dataset.items.set_index("item_id")


@pytest.fixture
def ml_1m(tmp_path: Path) -> Path:
    movies = "1::Matrix, The (1999)::Action|Sci-Fi\n2::Misérables, Les (1995)::Drama\n"
    (tmp_path / "movies.dat").write_bytes(movies.encode("latin-1"))
    (tmp_path / "ratings.dat").write_text("1::1::5::978300760\n1::2::3::978300750\n2::1::4::978300770\n")
    (tmp_path / "users.dat").write_text("1::F::1::10::01060\n2::M::56::16::70072\n")
    return tmp_path


def test_the_layout_of_1m(ml_1m: Path) -> None:
    dataset = read(ml_1m)
    assert dataset.events["item_id"].tolist() == ["2", "1", "1"]
    assert dataset.events["ts_ms"].tolist() == [978_300_750_000, 978_300_760_000, 978_300_770_000]
    assert dataset.events["liked"].tolist() == [0, 1, 1]
    assert dataset.events["event"].unique().tolist() == ["rating"]
    items = items_of(dataset)
    assert items["title"].tolist() == ["The Matrix", "Misérables, Les"]
    assert items["year"].tolist() == [1999, 1995]
    assert items["genres"].tolist() == [["Action", "Sci-Fi"], ["Drama"]]
    assert dataset.users is not None
    assert dataset.users["zip"].tolist() == ["01060", "70072"]


def test_the_threshold_of_a_like_can_be_set(ml_1m: Path) -> None:
    assert read(ml_1m, liked_from=5).events["liked"].tolist() == [0, 1, 0]


def test_extra_infos_add_people_plot_maturity_and_release(ml_1m: Path) -> None:
    line = (
        "1::The Matrix::1999::R::31 Mar 1999::Action::Ana B, Cy D (co-director)::Writer::Eve F, Ana B::A plot: é::url"
    )
    (ml_1m / "movies_extrainfos.dat").write_bytes(f"{line}\r\n".encode())
    items = items_of(read(ml_1m))
    assert items.loc["1", "people"] == ["Ana B", "Cy D", "Eve F"]
    assert items.loc["2", "people"] == []
    plain = items[["text", "maturity", "release_ms"]].iloc[0]
    assert list(plain) == ["A plot: é", "R", 922_838_400_000]


def test_1m_with_estimated_times_keeps_the_exact_order_and_the_likes(ml_1m: Path) -> None:
    (ml_1m / "ratings.dat").unlink()
    events = pd.DataFrame(
        {"user_id": [2, 1, 1], "pos": [0, 1, 0], "movie_id": [1, 1, 2], "ge3": [False, True, True]}
        | {"rating_exact": pd.array([2, None, None], dtype="Int8"), "ts_est": [900_000_000, 900_000_000, 900_000_000]}
    )
    events.to_parquet(ml_1m / "events.parquet")
    found = read(ml_1m).events
    assert found[["user_id", "item_id"]].to_numpy().tolist() == [["1", "2"], ["1", "1"], ["2", "1"]]
    assert found["liked"].tolist() == [1, 1, 0]
    np.testing.assert_array_equal(found["rating"], np.array([np.nan, np.nan, 2], dtype=np.float32))


def test_the_layout_of_100k(tmp_path: Path) -> None:
    flags = ["0"] * 19
    flags[5] = flags[16] = "1"
    item = "|".join(["1", "Amélie (1995)", "01-Jan-1995", "", "http://x", *flags])
    odd = "|".join(["2", "unknown", "", "", "", "1", *["0"] * 18])
    (tmp_path / "u.item").write_bytes(f"{item}\n{odd}\n".encode("latin-1"))
    (tmp_path / "u.data").write_text("196\t1\t3\t881250949\n186\t1\t4\t891717742\n")
    (tmp_path / "u.user").write_text("196|24|M|technician|85711\n")
    dataset = read(tmp_path)
    items = items_of(dataset)
    assert dataset.events["liked"].tolist() == [0, 1]
    assert items["title"].tolist() == ["Amélie", "unknown"]
    assert items["genres"].tolist() == [["Comedy", "Thriller"], []]
    assert items["release_ms"].iloc[0] == 788_918_400_000
    assert dataset.users is not None
    assert dataset.users["occupation"].tolist() == ["technician"]


def test_the_csv_layout_is_read_without_later_tags(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,3.5,964982703\n1,2,4.0,964982704\n")
    movies = 'movieId,title,genres\n1,"American President, The (1995)",Comedy|Drama\n2,Babylon 5,(no genres listed)\n'
    (tmp_path / "movies.csv").write_text(movies)
    tags = "userId,movieId,tag,timestamp\n1,1,slow,1\n2,1,Funny,1\n3,1,funny ,1\n"
    (tmp_path / "tags.csv").write_text(tags)
    dataset = read(tmp_path)
    items = items_of(dataset)
    assert dataset.events["liked"].tolist() == [0, 1]
    assert items["title"].tolist() == ["The American President", "Babylon 5"]
    assert items["genres"].tolist() == [["Comedy", "Drama"], []]
    assert "text" not in items


def test_a_folder_without_ratings_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no ratings\.csv, movies\.dat or u\.data"):
        read(tmp_path)


@pytest.mark.parametrize(("name", "events", "viewers"), [("ml-1m", 999_611, 6040), ("ml-latest-small", 100_836, 610)])
def test_the_real_data_reads_whole(marquee_data: Path, tmp_path: Path, name: str, events: int, viewers: int) -> None:
    if not (marquee_data / name).is_dir():
        pytest.skip(f"no {name} in {marquee_data}")
    dataset = load(MovieLensConfig(name=name, path=str(marquee_data / name)), tmp_path, now_ms=NOW_MS)
    assert (len(dataset.events), dataset.events["user_id"].nunique()) == (events, viewers)
    assert dataset.report.bad == {}
    assert dataset.events["item_id"].isin(items_of(dataset).index).all()
