"""A trainer daemon whose learner process is the tiny one; its configuration comes as JSON."""

import sys
from pathlib import Path

from mbctl.config.models import TrainerConfig
from services.trainer.daemon import run_trainer

if __name__ == "__main__":
    config = TrainerConfig.model_validate_json(sys.argv[1])
    learner = (sys.executable, str(Path(__file__).parent / "tiny_learner.py"))
    sys.exit(run_trainer(config, learner))
