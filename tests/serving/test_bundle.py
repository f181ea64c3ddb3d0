"""A bundle loads whole and verified, or says which file is to blame."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from serving.bundle import Bundle, BundleError, locate, verify
from serving.canary import check_canary
from serving.manifest import Manifest, files_in
from serving.parts import BundleParts
from serving.publish import publish
from tests.serving.small_bundle import FIELDS, mean_of_tokens, small_parts
from towers.history import Histories
from towers.vocabulary import Vocabulary


@pytest.fixture
def out(tmp_path: Path) -> Path:
    publish(tmp_path / "out", small_parts(), FIELDS)
    return tmp_path / "out"


def damage(path: Path, place: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(bytes(raw))


def test_what_was_published_is_loaded(out: Path) -> None:
    parts, bundle = small_parts(), Bundle.load(out)
    np.testing.assert_array_equal(bundle.item_tokens, parts.item_tokens)
    np.testing.assert_array_equal(bundle.item_vectors, parts.item_vectors)
    np.testing.assert_array_equal(bundle.popularity, parts.popularity)
    for name in Histories._fields:
        np.testing.assert_array_equal(getattr(bundle.histories, name), getattr(parts.histories, name))
        assert getattr(bundle.histories, name).dtype == getattr(parts.histories, name).dtype
    assert bundle.spec.vocabulary.ids(np.array([2])) == ["i00"]
    assert bundle.viewers.rows(["b", "c"]).tolist() == [3, 1]
    assert bundle.catalogue.titles(np.array([5])) == ["Title 5"]
    assert bundle.index.search(parts.item_vectors[4:5], 1).rows.tolist() == [[4]]
    assert bundle.ranker_path == bundle.folder / "ranker.onnx"
    assert bundle.user_tower_path.read_bytes() == b"no model"


def test_the_manifest_tells_where_the_bundle_came_from(out: Path) -> None:
    bundle = Bundle.load(out)
    manifest = bundle.manifest
    assert bundle.version == locate(out).name == manifest.version
    assert (manifest.data_fingerprint, manifest.split, manifest.trained_until_ms) == ("0" * 64, "time, 80/10/10", 10**6)
    assert manifest.metrics == {"val/recall@100": 0.5, "val/recall@100/cold": None}
    assert manifest.libraries["numpy"] == np.__version__
    assert set(manifest.files) | {"manifest.json"} == {
        path.relative_to(bundle.folder).as_posix() for path in files_in(bundle.folder)
    }


def test_a_bundle_without_a_ranker_has_no_ranker_path(tmp_path: Path) -> None:
    publish(tmp_path, replace(small_parts(), ranker_files={}), FIELDS)
    assert Bundle.load(tmp_path).ranker_path is None


def test_a_flipped_byte_anywhere_is_blamed_on_its_file_while_the_old_bundle_answers(out: Path, tmp_path: Path) -> None:
    old = Bundle.load(out)
    names = sorted(path.relative_to(old.folder) for path in files_in(old.folder))
    assert len(names) >= 18
    fresh = publish(out, small_parts(seed=1), FIELDS)
    rng = np.random.default_rng(0)
    for name in names:
        size = (fresh / name).stat().st_size
        for place in {0, size // 2, size - 1, int(rng.integers(size))}:
            damage(fresh / name, place)
            with pytest.raises(BundleError, match=str(fresh / name)):
                Bundle.load(out)
            damage(fresh / name, place)
    assert Bundle.load(out).folder == fresh
    np.testing.assert_array_equal(old.index.search(old.item_vectors[3:4], 1).rows, [[3]])


def test_any_byte_of_the_manifest_counts(out: Path) -> None:
    path = locate(out) / "manifest.json"
    for place in np.random.default_rng(0).choice(path.stat().st_size, 150, replace=False):
        damage(path, place)
        with pytest.raises(BundleError, match=r"manifest\.json"):
            verify(path.parent)
        damage(path, place)
    verify(path.parent)


def test_a_missing_file_is_named(out: Path) -> None:
    (locate(out) / "index" / "vectors.npy").unlink()
    with pytest.raises(BundleError, match=r"index/vectors\.npy is missing"):
        Bundle.load(out)


def test_a_truncated_file_is_named(out: Path) -> None:
    path = locate(out) / "histories" / "rows.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BundleError, match=r"histories/rows\.npy"):
        Bundle.load(out)


def test_a_bundle_is_found_from_its_out_folder_from_itself_and_from_any_pointer(out: Path, tmp_path: Path) -> None:
    folder = locate(out)
    assert folder.parent == out / "bundles"
    assert locate(folder) == folder
    assert locate(out / "CURRENT") == folder
    shutil.copytree(folder, tmp_path / "moved")
    assert Bundle.load(tmp_path / "moved").version == folder.name


def test_a_wrong_path_names_the_remedy(out: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no .*nowhere; name the out folder"):
        Bundle.load(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"CURRENT is missing.*train with out="):
        Bundle.load(tmp_path)
    (out / "CURRENT").unlink()
    with pytest.raises(BundleError, match="CURRENT is missing"):
        Bundle.load(out)
    for name in ("bundles/gone", "../elsewhere", "", "bundles/..", "/etc"):
        (out / "CURRENT").write_text(name)
        with pytest.raises(BundleError, match=r"names .*no bundle"):
            Bundle.load(out)


def test_another_format_is_refused_in_words(out: Path) -> None:
    path = locate(out) / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"format_version": 1', b'"format_version": 99'))
    with pytest.raises(BundleError, match="format 99, this version reads 1"):
        Bundle.load(out)


def test_a_manifest_cannot_name_files_outside_its_folder(out: Path) -> None:
    path = locate(out) / "manifest.json"
    manifest = Manifest.of(path.parent, FIELDS, Bundle.load(out).manifest.created)
    for name in ("../secret", "/etc/passwd"):
        files = {name: manifest.files["features.json"]}
        path.write_bytes(msgspec.structs.replace(manifest, files=files).signed().encode())
        with pytest.raises(BundleError, match="outside the bundle"):
            verify(path.parent)


MISFITS: dict[str, Callable[[BundleParts], BundleParts]] = {
    "item_tokens.npy": lambda parts: replace(parts, item_tokens=parts.item_tokens[1:]),
    "item_vectors.npy": lambda parts: replace(parts, item_vectors=parts.item_vectors[1:]),
    "index": lambda parts: replace(parts, index=small_parts(num_items=29).index),
    "popularity.npy": lambda parts: replace(parts, popularity=parts.popularity[1:]),
    "user_ids.npy": lambda parts: replace(parts, viewers=Vocabulary.fit(["a"])),
    "histories": lambda parts: replace(parts, histories=parts.histories._replace(rows=np.full(5, 99))),
    "catalogue.json": lambda parts: replace(parts, catalogue=small_parts(num_items=29).catalogue),
    "canary.npz": lambda parts: replace(parts, canary=parts.canary._replace(rows=parts.canary.rows[:, ::-1] + 1)),
}


@pytest.mark.parametrize("name", MISFITS)
def test_parts_that_do_not_fit_are_not_published(out: Path, name: str) -> None:
    before = locate(out)
    with pytest.raises(BundleError, match=name):
        publish(out, MISFITS[name](small_parts()), FIELDS)
    assert locate(out) == before
    assert [path.name for path in (out / "bundles").iterdir()] == [before.name]


def test_the_canary_notices_another_tower_and_another_index() -> None:
    parts = small_parts()
    users = mean_of_tokens(parts.canary.batch, parts.item_tokens)
    check_canary(parts.canary, users, parts.index)
    check_canary(parts.canary, users + np.float32(1e-5), parts.index)
    with pytest.raises(BundleError, match=r"user_tower\.onnx"):
        check_canary(parts.canary, np.roll(users, 1, axis=1), parts.index)
    with pytest.raises(BundleError, match=r"user_tower\.onnx"):
        check_canary(parts.canary, np.full_like(users, np.nan), parts.index)
    with pytest.raises(BundleError, match="the index"):
        check_canary(parts.canary, users, small_parts(seed=1).index)
    with pytest.raises(BundleError, match="no queries"):
        check_canary(parts.canary._replace(users=users[:0]), users, parts.index)


def test_the_canary_lets_equal_scores_change_places() -> None:
    canary = small_parts().canary
    flat = canary._replace(scores=np.tile(canary.scores[:, :1], (1, canary.scores.shape[1])))
    assert not np.array_equal(flat.scores, canary.scores)
    check_canary(canary._replace(rows=canary.rows[:, ::-1]), canary.users, small_parts().index)


def test_the_user_tower_sings_the_canary_song(tmp_path: Path) -> None:
    """Through ONNX Runtime, from encoded queries to items."""
    publish(tmp_path / "right", small_parts(user_tower=onnx_mean(1.0)), FIELDS)
    Bundle.load(tmp_path / "right").check_encoder()
    publish(tmp_path / "wrong", small_parts(user_tower=onnx_mean(-1.0)), FIELDS)
    with pytest.raises(BundleError, match=r"user_tower\.onnx does not give"):
        Bundle.load(tmp_path / "wrong").check_encoder()


def onnx_mean(sign: float) -> bytes:
    """`mean_of_tokens` as a model, right for a sign of 1."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("ReduceSum", ["tokens", "axes"], ["summed"], keepdims=0),
        helper.make_node("LpNormalization", ["summed"], ["unit"], axis=1),
        helper.make_node("Mul", ["unit", "sign"], ["user"]),
    ]
    constants = [helper.make_tensor("axes", kind.INT64, [1], [1]), helper.make_tensor("sign", kind.FLOAT, [], [sign])]
    tokens = helper.make_tensor_value_info("tokens", kind.FLOAT, ["B", "L", 8])
    user = helper.make_tensor_value_info("user", kind.FLOAT, ["B", 8])
    graph = helper.make_graph(nodes, "user_tower", [tokens], [user], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content
