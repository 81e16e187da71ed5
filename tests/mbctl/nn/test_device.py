"""Which device a setting means, and what is said where there is none."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from mbctl.config.models import DeviceName
from mbctl.nn.device import DeviceError, main, randn_like, torch_device


@pytest.fixture
def gpus(monkeypatch):
    """Let torch see so many."""

    def seen(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"GPU {number}")

    return seen


@pytest.mark.parametrize(
    ("name", "count", "device"),
    [
        ("cpu", 0, "cpu"),
        ("cpu", 2, "cpu"),
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_a_name_is_a_device(gpus, name, count, device):
    gpus(count)
    assert torch_device(name) == torch.device(device)


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [
        ("cuda", 0, f"device = 'cuda': torch {torch.__version__} sees no GPU"),
        ("cuda:0", 0, "set 'cpu', or 'auto'"),
        ("cuda:2", 2, r"torch sees cuda:0 \(GPU 0\), cuda:1 \(GPU 1\); set one of these"),
        ("gpu", 2, "device = 'gpu': must be 'cpu', 'cuda', 'cuda:N' or 'auto'"),
        ("cuda:x", 2, "must be"),
        ("", 0, "must be"),
    ],
)
def test_a_device_that_is_not_there_is_refused(gpus, name, count, words):
    gpus(count)
    with pytest.raises(DeviceError, match=words.replace("+", r"\+")) as caught:
        torch_device(name)
    assert caught.value.reason == "DEVICE_MISSING"


@pytest.mark.parametrize("name", ["cpu", "auto", "cuda", "cuda:1"])
def test_configurations_take_the_names_that_torch_device_takes(gpus, name):
    gpus(2)
    assert TypeAdapter(DeviceName).validate_python(name) == name
    torch_device(name)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "CPU", "mps"])
def test_and_no_others(gpus, name):
    gpus(2)
    with pytest.raises(ValidationError):
        TypeAdapter(DeviceName).validate_python(name)
    with pytest.raises(DeviceError):
        torch_device(name)


def test_its_process_says_why_not(gpus, capsys):
    gpus(0)
    assert main("auto") == 0
    assert capsys.readouterr().err == ""
    assert main("cuda") == 1
    assert "sees no GPU" in capsys.readouterr().err


def test_draws_are_in_the_order_of_entries_whatever_the_memory_is():
    turned = torch.zeros(3, 2, dtype=torch.float64).T
    drawn = randn_like(turned, torch.Generator().manual_seed(1))
    plain = torch.randn(2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.equal(drawn, plain)
