"""A trainer daemon configured by JSON; the algorithm "tiny" is tiny_learner.py's."""

import sys
from pathlib import Path

from mbctl.config.models import TrainerConfig
from services.trainer.daemon import LEARNER_COMMAND, run_trainer

if __name__ == "__main__":
    config = TrainerConfig.model_validate_json(sys.argv[1])
    tiny = (sys.executable, str(Path(__file__).parent / "tiny_learner.py"))
    sys.exit(run_trainer(config, tiny if config.algorithm.name == "tiny" else LEARNER_COMMAND))
