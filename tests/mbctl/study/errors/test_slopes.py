"""The comparison of derivatives, with models of seconds."""

import math

import pytest
import torch

pytest.importorskip("gymnasium")

from mbctl.config import ConfigError
from mbctl.study.errors.slopes import WITH, WITHOUT, SlopeSizes, measure_slopes, true_step
from mbctl.tasks.registry import make_task

SIZES = SlopeSizes(
    rows=(60, 120),
    test_rows=20,
    settings={
        "model_hidden": (16, 16, 16, 16),
        "members": 2,
        "elites": 1,
        "neighbours": 3,
        "gradient_weight": 1.0,
        "model_steps_max": 20,
    },
)


def test_both_fits_are_measured_at_each_number_of_rows():
    found = list(measure_slopes(make_task("gym/Pendulum-v1"), 0, SIZES))
    assert [(e.rows, e.loss) for e in found] == [
        (60, WITH),
        (120, WITH),
        (60, WITHOUT),
        (120, WITHOUT),
    ]
    assert all(math.isfinite(e.prediction) and e.prediction > 0 for e in found)
    assert all(math.isfinite(e.gradient) and e.gradient > 0 for e in found)
    assert found[0].gradient != found[2].gradient


def test_a_plain_fit_finds_the_pendulums_motion():
    """Which it does not where columns are all but the same."""
    settings = {"gradient_weight": 0.0, "members": 2, "elites": 1}
    sizes = SlopeSizes(rows=(500,), test_rows=100, settings=settings)
    plain = list(measure_slopes(make_task("gym/Pendulum-v1"), 0, sizes))[-1]
    assert plain.loss == WITHOUT
    assert plain.prediction < 0.01


def test_the_true_step_is_the_closed_form_or_the_simulators():
    pendulum = true_step(make_task("gym/Pendulum-v1"))
    down = torch.tensor([[math.pi, 0.0, 0.0]], dtype=torch.float64)
    after = pendulum(down, torch.zeros(1, 1, dtype=torch.float64))
    torch.testing.assert_close(after, down, atol=1e-12, rtol=0)
    cart = true_step(make_task("gym/InvertedPendulum-v5"))
    still = torch.zeros(1, 4, dtype=torch.float64)
    pushed = cart(still, torch.ones(1, 1, dtype=torch.float64))
    assert float(pushed[0, 2]) > 0.01
    with pytest.raises(ConfigError, match=r"true step .* is not known"):
        true_step(make_task("dclaw-turn-random"))
