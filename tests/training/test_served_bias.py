from __future__ import annotations

import torch

from towers.attention import GatedAttention, RelativeBias, last_relations, relations
from towers.user_tower import UserInput, UserTower
from training.served_bias import ServedBias, for_serving

AGES = torch.tensor([[9e6, 4e5, 3e5, 7e3, 10.0], [5e4, 20.0, 0.0, 0.0, 0.0]])
LENGTHS = torch.tensor([5, 2])


def _tower() -> UserTower:
    torch.manual_seed(1)
    tower = UserTower(UserTower.Config(num_layers=3), 8, 6, (25, 8)).eval()
    for parameter in tower.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return tower


def _bias(tower: UserTower) -> RelativeBias:
    block = tower.blocks[0]
    assert isinstance(block, GatedAttention)
    return block.bias


def test_the_served_bias_has_the_same_bits_wherever_one_may_look() -> None:
    tower = _tower()
    bias = _bias(tower)
    whole, last = relations(AGES, LENGTHS), last_relations(AGES, LENGTHS)
    seen = whole.mask.unsqueeze(1).expand(-1, 2, -1, -1)
    assert torch.equal(ServedBias(bias, tower.max_length, is_whole=True)(whole)[seen], bias(whole)[seen])
    assert torch.equal(ServedBias(bias, tower.max_length, is_whole=False)(last), bias(last))


def test_the_tower_for_serving_answers_as_the_trained_one() -> None:
    tower = _tower()
    codes = torch.ones(2, 5, dtype=torch.int64)
    given = UserInput(torch.randn(2, 5, 8), codes, codes, AGES, LENGTHS)
    context = torch.tensor([[3, 1], [0, 7]])
    with torch.no_grad():
        assert torch.equal(for_serving(tower)(given, context), tower(given, context))
        _bias(tower).time.add_(1.0)
        assert not torch.allclose(for_serving(tower)(given, context), _tower()(given, context))
