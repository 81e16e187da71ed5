"""Errors of values; slopes are beside them in test_gradient_error."""

import torch

from mbctl.models.prediction_error import prediction_error


def test_each_row_has_its_own_error():
    physical, action = torch.zeros(2, 2), torch.zeros(2, 1)
    off = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    error = prediction_error(
        lambda s, a: s + off, lambda s, a: s, physical, action, torch.tensor([1.0, 2.0])
    )
    assert error.tolist() == [6.5, 0.125]
    assert not error.requires_grad
