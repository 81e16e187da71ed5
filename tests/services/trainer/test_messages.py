"""The learner works with what `mbctl show config` prints, key by key."""

import json
import subprocess
import sys
import time
from pathlib import Path

from mbctl.config import LearnerConfig
from services.trainer.checkpoint import load_checkpoint

SETTINGS = {"members": "3", "model_hidden": "[16, 16]", "buffer_rows": "8000"}


def test_the_learner_uses_what_show_config_prints(tmp_path: Path):
    run_dir = tmp_path / "trainer"
    texts = [f"run_dir={run_dir}", "seed=7", "listen=127.0.0.1:0", "task.name=dclaw-turn-fixed"]
    texts += [f"algorithm.settings.{key}={value}" for key, value in SETTINGS.items()]
    command = [sys.executable, "-P", "-m", "mbctl"]
    options = [word for text in texts for word in ("--set", text)]
    show = subprocess.run(
        [*command, "show", "config", "trainer", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = json.loads(show.stdout)
    assert {k: json.dumps(printed["algorithm"]["settings"][k]) for k in SETTINGS} == SETTINGS
    trainer = subprocess.Popen([*command, "trainer", *options], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while (found := load_checkpoint(run_dir)) is None and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        trainer.terminate()
        trainer.wait(60)
    assert found is not None
    shown = LearnerConfig.model_validate({key: printed[key] for key in LearnerConfig.model_fields})
    assert json.loads(json.dumps(shown.identity)) == found[0].identity
    flat = {
        "robot_model": printed["robot_model"],
        "task": printed["task"]["name"],
        "observation": printed["task"]["observation"],
        "algorithm": printed["algorithm"]["name"],
        "settings": printed["algorithm"]["settings"],
        "seed": printed["seed"],
    }
    assert found[0].identity == flat
