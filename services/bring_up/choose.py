"""Which robot a command is about: a controller's configuration, and what was typed over it."""

from pathlib import Path

from hal.dynamixel.units import DEFAULT_BAUD_RATE
from mbctl.config import load_controller
from services.bring_up.target import Target, calibration_of

# A configuration may leave these to the controller's command line.
_DEFAULTS: dict[str, object] = {"task": {"name": "dclaw-turn-random"}, "run_dir": "runs/default"}


def choose_target(
    config: Path | None = None,
    robot: str = "",
    port: str = "",
    baud_rate: int = 0,
    calibration: Path | None = None,
) -> Target:
    """The target of `config`, with every other argument that is given in place of its own.

    Raises:
        ConfigError: the configuration is not right.
        CalibrationError: the calibration is not right, or of another model.
        UnknownRobotError: no robot model of that name.
    """
    if config is None:
        file = calibration
        return Target(
            calibration=calibration_of(robot or "dclaw", file),
            calibration_path=file,
            port=port,
            baud_rate=baud_rate or DEFAULT_BAUD_RATE,
        )
    loaded = load_controller(config, defaults=_DEFAULTS)
    file = calibration or loaded.robot.calibration
    return Target(
        calibration=calibration_of(robot or loaded.robot.model, file),
        calibration_path=file,
        port=port or loaded.robot.port,
        baud_rate=baud_rate or loaded.robot.baud_rate,
        run_dir=loaded.run_dir,
        bus_period_s=loaded.robot.bus.bus_period_s,
    )
