"""The ranking head starts at retrieval order, learns what features say, is calibrated, and is never kept when worse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ranking.features import RankerInput
from ranking.model import RankingHead
from ranking.value import Calibration, ValueModel, ValueWeights
from serving.scorer import OnnxActionModel
from training.calibration import LEAST_FOR_STEPS, calibrate, error_by_chance, expected_error, fit_drawn_line, fit_line
from training.examples import ExampleList, RankerExamples, refuse_non_finite
from training.onnx_export import ranker_onnx
from training.ranker import RankerConfig, fit_ranker
from training.ranker_batches import Batches

NUM_QUERIES, NUM_CANDIDATES, NUM_FEATURES, NUM_REQUEST, DIM = 300, 20, 4, 3, 2
CONFIG = RankerConfig(
    model=RankingHead.Config(hidden=16, num_layers=1, dropout=0.0), max_epochs=20, num_negatives=0, batch_size=32
)
VECTORS = np.random.default_rng(3).normal(size=(40, DIM)).astype(np.float32)
ACTIONS = ("chosen", "liked")


def examples(planted: bool, seed: int = 0, actions: tuple[str, ...] = ("chosen",)) -> RankerExamples:
    """Candidates in retrieval order; when planted, the chosen one is marked by the last feature, and liked where the
    request's first feature is positive.
    """
    rng = np.random.default_rng(seed)
    given = ExampleList(actions)
    for q in range(NUM_QUERIES):
        request = rng.normal(size=NUM_REQUEST).astype(np.float32)
        features = rng.normal(size=(NUM_CANDIDATES, NUM_FEATURES)).astype(np.float32)
        features[:, 0] = np.sort(rng.random(NUM_CANDIDATES))[::-1]
        labels = np.full((NUM_CANDIDATES, len(actions)), np.nan, dtype=np.float32)
        labels[:, 0] = 0
        if q % 10:
            place = int(rng.integers(NUM_CANDIDATES))
            labels[place, 0] = 1
            labels[place, 1:] = request[0] > 0
            features[place, -1] += 4 * planted
        rows = rng.integers(2, 40, NUM_CANDIDATES)
        given.add(RankerInput(request, features, VECTORS[rows]), rows, labels, q)
    return given.stacked()


def logits(head: RankingHead, given: RankerExamples) -> torch.Tensor:
    places = np.broadcast_to(np.arange(NUM_CANDIDATES), given.rows.shape)
    with torch.no_grad():
        return Batches(given, VECTORS).logits(head.eval(), np.arange(len(given.rows)), places)


@pytest.mark.parametrize("num_layers", [0, 2])
def test_an_untrained_head_keeps_retrieval_order(num_layers: int) -> None:
    head = RankingHead(RankingHead.Config(num_layers=num_layers), NUM_REQUEST, NUM_FEATURES, DIM, 1)
    assert (logits(head, examples(planted=False))[..., 0].diff(dim=1) < 0).all()


@pytest.mark.parametrize("num_experts", [1, 3])
def test_a_planted_feature_is_found(num_experts: int) -> None:
    config = replace(CONFIG, model=replace(CONFIG.model, num_layers=2, num_experts=num_experts))
    fitted = fit_ranker(config, examples(planted=True), VECTORS, scale=1.0, seed=0)
    assert fitted.report.recall_ceiling == pytest.approx(0.9, abs=0.06)
    assert fitted.report.retrieval_ndcg < 0.5
    assert fitted.report.ranker_ndcg > 0.75
    assert Batches(examples(planted=True, seed=1), VECTORS).ndcg(fitted.head, np.arange(NUM_QUERIES)) > 0.7


@pytest.mark.parametrize("loss", ["pointwise", "both"])
def test_other_losses_find_it_too(loss: str) -> None:
    fitted = fit_ranker(replace(CONFIG, loss=loss), examples(planted=True), VECTORS, scale=1.0, seed=0)
    assert fitted.report.ranker_ndcg > 0.7


def test_every_action_is_learnt_where_it_could_be_seen() -> None:
    given = examples(planted=True, actions=ACTIONS)
    fitted = fit_ranker(replace(CONFIG, max_epochs=25, patience=25), given, VECTORS, scale=1.0, seed=0)
    fresh = examples(planted=True, seed=1, actions=ACTIONS)
    found, labels = Batches(fresh, VECTORS).outcomes(fitted.head, np.arange(NUM_QUERIES), 1)
    assert len(labels) == NUM_QUERIES * 9 // 10
    assert np.mean((found > 0) == (labels > 0.5)) > 0.75
    assert set(fitted.report.calibration_error) == set(fitted.report.error_by_chance) == set(ACTIONS)


def test_noise_never_makes_the_kept_head_worse_than_retrieval() -> None:
    report = fit_ranker(CONFIG, examples(planted=False), VECTORS, scale=1.0, seed=0).report
    assert report.ranker_ndcg >= report.retrieval_ndcg


def test_without_a_retrieved_target_retrieval_order_stays() -> None:
    given = examples(planted=True)
    nothing = given._replace(labels=np.zeros_like(given.labels))
    fitted = fit_ranker(replace(CONFIG, max_epochs=3), nothing, VECTORS, scale=1.0, seed=0)
    assert fitted.report.recall_ceiling == 0
    assert (logits(fitted.head, given)[..., 0].diff(dim=1) < 0).all()


@pytest.mark.parametrize("name", ["popularity", "idle"])
def test_a_feature_that_is_no_number_is_named(name: str) -> None:
    given, names = examples(planted=True), ("score", "age", "popularity", "rank")
    refuse_non_finite(given, names, ("idle", "pace", "hour"))
    given.features[7:9, 3, 2] = np.nan if name == "popularity" else 0
    given.request[7:9, 0] = np.inf
    with pytest.raises(ValueError, match=f"'{name}' is not finite in 2 of 300 requests"):
        refuse_non_finite(given, names, ("idle", "pace", "hour"))


def test_the_exported_head_scores_as_the_trained_one_whoever_else_is_there(tmp_path: Path) -> None:
    config = replace(CONFIG, model=RankingHead.Config(hidden=8, num_experts=2), max_epochs=2)
    given = examples(planted=True, actions=ACTIONS)
    head = fit_ranker(config, given, VECTORS, scale=1.0, seed=0).head
    (tmp_path / "ranker.onnx").write_bytes(ranker_onnx(head, DIM))
    model = OnnxActionModel.load(tmp_path / "ranker.onnx")
    whole = RankerInput(given.request[5], given.features[5], VECTORS[given.rows[5]])
    served = model.logits(whole)
    np.testing.assert_allclose(served, logits(head, given)[5].numpy(), atol=1e-5)
    alone = model.logits(whole._replace(candidates=whole.candidates[3:4], vectors=whole.vectors[3:4]))
    np.testing.assert_allclose(alone[0], served[3], atol=1e-5)


def test_a_line_makes_logits_probabilities() -> None:
    rng = np.random.default_rng(0)
    told = rng.normal(size=4000).astype(np.float32)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-(2 * told - 1)))).astype(np.float32)
    line = fit_line(told, labels)
    assert line[:2] == pytest.approx((2, -1), abs=0.2)
    calibrated = 1 / (1 + np.exp(-(line.slope * told.astype(np.float64) + line.shift)))
    assert (
        expected_error(calibrated, labels) < 0.02 < expected_error(1 / (1 + np.exp(-told.astype(np.float64))), labels)
    )
    assert fit_line(told, np.zeros(4000, dtype=np.float32)) == Calibration()


def test_a_line_of_few_examples_stays_near_the_logits() -> None:
    """True probabilities need no line; what few of them suggest by chance is mostly not followed."""
    rng = np.random.default_rng(2)
    plain, drawn = [], []
    for _ in range(40):
        told = rng.normal(-1, 0.5, size=60).astype(np.float32)
        labels = (rng.random(60) < 1 / (1 + np.exp(-told.astype(np.float64)))).astype(np.float32)
        plain.append((fit_line(told, labels).slope - 1) ** 2)
        drawn.append((fit_drawn_line(told, labels).slope - 1) ** 2)
    assert np.mean(drawn) < 0.3 * np.mean(plain)
    many = rng.normal(size=20_000).astype(np.float32)
    labels = (rng.random(len(many)) < 1 / (1 + np.exp(-(2 * many - 1).astype(np.float64)))).astype(np.float32)
    assert fit_drawn_line(many, labels)[:2] == pytest.approx(fit_line(many, labels)[:2], abs=0.02)


def test_rare_choices_are_made_probabilities_however_far_the_logits_are_off() -> None:
    """The logits of lists are sure of nothing but their order: here nearly all are far above their chance."""
    rng = np.random.default_rng(0)
    told = rng.normal(1.9, 3, size=140_000).astype(np.float32)
    labels = (rng.random(len(told)) < 1 / (1 + np.exp(-(0.5 * told - 7.5).astype(np.float64)))).astype(np.float32)
    line = fit_line(told, labels)
    assert line[:2] == pytest.approx((0.5, -7.5), abs=0.3)
    assert expected_error(line.probabilities(told), labels) < 0.001


def test_true_probabilities_err_by_chance_and_less_the_more_examples_there_are() -> None:
    rng = np.random.default_rng(1)
    few, many = rng.random(300), rng.random(30_000)
    labels = (rng.random(300) < few).astype(np.float32)
    assert expected_error(few, labels) == pytest.approx(error_by_chance(few), abs=0.02)
    assert error_by_chance(many) < 0.01
    assert error_by_chance(few) > 0.04


def test_value_ranks_non_finite_scores_last_and_weighs_calibrated_actions() -> None:
    single = ValueModel({"chosen": 1.0})
    assert single.score(np.array([[1.0], [np.nan], [2.0]], dtype=np.float32)).tolist() == [1.0, -np.inf, 2.0]
    both = ValueModel({"chosen": 1.0, "abandon": -2.0})
    assert both.score(np.zeros((1, 2), dtype=np.float32)).tolist() == [0.5 - 2 * 0.5 * 0.5]
    surer = ValueModel({"chosen": 1.0, "abandon": -2.0}, {"abandon": Calibration(1.0, -100.0)})
    assert surer.score(np.zeros((1, 2), dtype=np.float32)).tolist() == [0.5]
    with pytest.raises(ValueError, match="1 actions were predicted, 2 have a weight"):
        both.score(np.zeros((1, 1), dtype=np.float32))


def test_an_unwelcome_action_counts_as_often_as_its_item_is_chosen() -> None:
    """Both items are as likely to be left once chosen; only the first is chosen at all."""
    model = ValueModel(ValueWeights(abandon=-1.0, not_interested=-1.0).of(("chosen", "abandon", "not_interested")))
    logits = np.array([[0.0, 0.0, -60.0], [-60.0, 0.0, -60.0], [-60.0, 0.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(model.score(logits), [0.25, 0.0, -0.5], atol=1e-9)


def test_steps_are_taken_where_a_line_does_not_fit() -> None:
    rng = np.random.default_rng(0)
    told = rng.normal(size=8000).astype(np.float32)
    labels = (rng.random(8000) < np.where(told < 0, 0.2, 0.6)).astype(np.float32)
    found, line = calibrate(told[::2], labels[::2]), fit_line(told[::2], labels[::2])
    assert found.logits
    assert not line.logits
    assert (np.diff(found.probabilities(np.linspace(-3, 3, 50, dtype=np.float32))) >= 0).all()
    off = [expected_error(each.probabilities(told[1::2]), labels[1::2]) for each in (found, line)]
    assert 2 * off[0] < off[1]
    straight = (rng.random(8000) < 1 / (1 + np.exp(-told.astype(np.float64)))).astype(np.float32)
    assert not calibrate(told, straight).logits
    few = slice(0, LEAST_FOR_STEPS - 1)
    assert not calibrate(told[few], labels[few]).logits


def test_what_follows_the_choice_starts_from_its_best_line() -> None:
    """The last feature speaks against being liked; an untrained head says so."""
    given = examples(planted=False, actions=ACTIONS)
    given.labels[:, :, 1] = np.where(given.labels[:, :, 0] > 0, given.features[:, :, -1] < 0, np.nan)
    config = replace(CONFIG, max_epochs=0)
    head = fit_ranker(config, given, VECTORS, scale=1.0, seed=0, follow=NUM_FEATURES - 1).head
    found, labels = Batches(given, VECTORS).outcomes(head, np.arange(NUM_QUERIES), 1)
    assert np.mean((found > 0) == (labels > 0.5)) > 0.9
    assert (logits(head, given)[..., 0].diff(dim=1) < 0).all()
