"""Each member goes back to its own best weights."""

import torch

from mbctl.models.best_members import BestMembers


def test_each_member_keeps_its_own_best():
    weight = torch.nn.Parameter(torch.zeros(3, 2))
    best = BestMembers([weight], 3)
    scores = [[3.0, 1.0, 2.0], [2.0, 2.0, 2.5], [4.0, 3.0, 1.0]]
    for moment, score in enumerate(scores):
        with torch.no_grad():
            weight.fill_(float(moment))
        best.take(torch.tensor(score), 0.01, True)
    best.restore()
    assert weight[:, 0].tolist() == [1.0, 0.0, 2.0]
    assert best.score.tolist() == [2.0, 1.0, 1.0]


def test_a_gain_counts_from_the_last_one_so_that_small_steps_add_up():
    best = BestMembers([torch.nn.Parameter(torch.zeros(1, 1))], 1)
    gains = [best.take(torch.tensor([s]), 0.01, True) for s in (1.0, 0.995, 0.991, 0.989, 0.985)]
    assert gains == [True, False, False, True, False]
    assert best.score.tolist() == [torch.tensor(0.985).item()]


def test_likelihoods_gain_in_their_own_unit():
    best = BestMembers([torch.nn.Parameter(torch.zeros(1, 1))], 1)
    gains = [best.take(torch.tensor([s]), 0.01, False) for s in (0.0, -0.005, -0.02, -0.02)]
    assert gains == [True, False, True, False]
