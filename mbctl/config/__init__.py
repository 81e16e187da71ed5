"""Configuration: defaults, then a file, then MBCTL_* variables, then --set; frozen once.

Importing it loads neither torch nor grpc, so each process of the system may read it.
"""

from mbctl.config.errors import ConfigError
from mbctl.config.load import load_controller, load_trainer
from mbctl.config.models import (
    AlgorithmConfig,
    ControlConfig,
    ControllerConfig,
    LearnerConfig,
    LoopConfig,
    RobotConfig,
    StopConfig,
    TaskConfig,
    TlsConfig,
    TrainerConfig,
)
from mbctl.config.robot import TrackerConfig

__all__ = [
    "AlgorithmConfig",
    "ConfigError",
    "ControlConfig",
    "ControllerConfig",
    "LearnerConfig",
    "LoopConfig",
    "RobotConfig",
    "StopConfig",
    "TaskConfig",
    "TlsConfig",
    "TrackerConfig",
    "TrainerConfig",
    "load_controller",
    "load_trainer",
]
