"""What a daemon finds out about its device before it starts."""

import pytest
import torch

from mbctl.config import ControllerConfig, TrainerConfig
from mbctl.exit_codes import StartUpError
from services.controller.start_checks import check_controller
from services.start_checks import check_device
from services.trainer.start_checks import check_trainer

TASK = {"name": "dclaw-turn-random"}
ABSENT = f"cuda:{torch.cuda.device_count()}"
SAID = rf"{ABSENT!r} cannot be used: device = {ABSENT!r}: torch .*sees .*set "


def test_nothing_is_started_to_ask_for_what_is_always_there(monkeypatch):
    started = []
    monkeypatch.setattr("services.start_checks.Child", lambda *_, **__: started.append(1))
    for name in ("cpu", "auto"):
        check_device("device", name)
    assert started == []


def test_a_trainer_without_its_device_does_not_start(tmp_path):
    made = {"task": TASK, "run_dir": tmp_path, "listen": "127.0.0.1:0", "device": ABSENT}
    with pytest.raises(StartUpError, match=rf"^device = {SAID}"):
        check_trainer(TrainerConfig.model_validate(made))


def test_a_controller_without_its_device_does_not_start(tmp_path):
    made = {"task": TASK, "run_dir": tmp_path, "listen": "127.0.0.1:0", "planner_device": ABSENT}
    with pytest.raises(StartUpError, match=rf"^planner_device = {SAID}"):
        check_controller(ControllerConfig.model_validate(made))
