"""All that a controller checks when it starts and that needs no robot."""

from hal.backends import BACKENDS
from hal.clock import ManualClock
from hal.errors import HalError
from mbctl.config import ControllerConfig
from mbctl.exit_codes import StartUpError
from services.controller import paths
from services.controller.control.robots import build_robot
from services.controller.control.wiring import build_task, period_of
from services.controller.link import settings_of
from services.controller.policy_choice import read_choice
from services.controller.subscriber import SUBSCRIBERS
from services.start_checks import check_address, check_database, check_device, check_directory


def check_controller(config: ControllerConfig) -> None:
    """Look at everything that the configuration names but the robot itself.

    Raises:
        StartUpError: the daemon would not start; says why.
    """
    check_directory(config.run_dir)
    check_database(config.run_dir / paths.SPOOL_FILE)
    check_address("listen", config.listen, config.tls)
    if config.metrics_listen:
        check_address("metrics_listen", config.metrics_listen, config.tls)
    check_device("planner_device", config.planner_device)
    try:
        read_choice(config.run_dir / paths.CHOICE_FILE)
    except ValueError as error:
        raise StartUpError(str(error)) from error
    for name in config.subscribers:
        SUBSCRIBERS[name]
    _check_robot(config)


def check_twin(config: ControllerConfig) -> None:
    """Make sure that the robot's simulation can be built here, as a virtual bus does.

    Raises:
        StartUpError: it cannot; says why.
    """
    simulated = config.robot.model_copy(update={"backend": "mujoco"})
    _check_robot(config.model_copy(update={"robot": simulated}))


def _check_robot(config: ControllerConfig) -> None:
    """Build it as the control process does; a simulated one is configured, too: it is no robot."""
    settings = settings_of(config)
    try:
        robot = build_robot(config.robot, period_of(settings, build_task(settings)), ManualClock())
        backend = BACKENDS[config.robot.backend]
        if backend.is_simulated and not backend.is_on_bus:
            robot.configure()
            robot.close()
    except HalError as error:
        raise StartUpError(f"{error} [{error.reason}]") from error
    except ValueError as error:
        raise StartUpError(str(error)) from error
