"""Torque off without a control process: the last thing that software can do for the robot.

The servos' own watchdog has stopped them by then; what is left is to let them go limp, so that
nobody works beside a robot that still pushes.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from hal import backends
from hal.backends import BACKENDS
from hal.dynamixel.calibration import Calibration, default_calibration, load_calibration
from hal.errors import HalError
from mbctl.config import RobotConfig
from services.controller.view import ControlView

log = structlog.get_logger()


@dataclass(frozen=True)
class TorqueOffOutcome:
    """What came of it.

    Attributes:
        unconfirmed: joints and objects whose servos did not confirm it.
        message: in words.
    """

    unconfirmed: tuple[str, ...]
    message: str


TorqueOff = Callable[[], TorqueOffOutcome]
"""Tries it; blocks for a moment."""


class LastResort:
    """Takes torque off while there is no control process, one attempt at a time.

    It has a thread of its own from the start: others may wait for a disk, and when it is needed the
    system may have none left.

    Args:
        torque_off: None for a robot that needs none.
        restart: held while a control process is started, which then owns the robot's port.
    """

    def __init__(
        self,
        torque_off: TorqueOff | None,
        view: ControlView,
        joint_names: tuple[str, ...],
        restart: asyncio.Lock,
    ) -> None:
        self._torque_off = torque_off
        self._view = view
        self._joint_names = joint_names
        self._restart = restart
        self._running: asyncio.Task[tuple[str, ...]] | None = None
        self._is_owed = False
        self._said = ""
        self._thread = ThreadPoolExecutor(1, "torque-off")
        self._thread.submit(bool)

    def begin(self) -> "asyncio.Task[tuple[str, ...]]":
        """Try now, or join the attempt that runs; gives the joints that did not confirm it."""
        if self._running is None or self._running.done():
            self._is_owed = self._torque_off is not None
            self._running = asyncio.ensure_future(self._attempt())
        return self._running

    async def finish(self) -> None:
        """Wait for the attempt that runs, if any."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def settle(self) -> None:
        """Before a control process is started: what could not be sent or confirmed is still owed.

        The caller holds `restart`.
        """
        if self._is_owed and self._torque_off is not None:
            await self._send(self._torque_off)

    async def _attempt(self) -> tuple[str, ...]:
        if self._torque_off is None or self._restart.locked():  # a start settles it
            return self._joint_names
        async with self._restart:
            return await self._send(self._torque_off)

    async def _send(self, torque_off: TorqueOff) -> tuple[str, ...]:
        outcome = await self._outcome(torque_off)
        self._is_owed = bool(outcome.unconfirmed)
        log.warning("torque_off_attempted", outcome=outcome.message)
        fault, said = self._view.control_fault, f"; {outcome.message}"
        if not self._view.alive and fault is not None:
            message = fault.message.removesuffix(self._said) if self._said else fault.message
            self._view.control_fault = replace(fault, message=message + said)
        self._said = said
        return outcome.unconfirmed

    async def _outcome(self, torque_off: TorqueOff) -> TorqueOffOutcome:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, torque_off)
        except Exception as error:  # whatever it is, who asked for the stop must hear of it
            log.exception("torque_off_failed")
            message = f"torque-off failed ({type(error).__name__}: {error}); cut the servos' power"
            return TorqueOffOutcome(self._joint_names, message)


def torque_off_of(robot: RobotConfig) -> TorqueOff | None:
    """How to take torque off this robot; None where nothing stays on without its process."""
    if (take_off := BACKENDS[robot.backend].load_torque_off()) is None:
        return None
    # Looked up now: when it is needed, nothing may be waited for.
    calibration = _calibration_of(robot)
    servos = (*calibration.joints, *calibration.objects)
    names = {servo.servo_id: servo.name for servo in servos}
    return lambda: _attempt(robot, take_off, names)


def is_port_there(robot: RobotConfig) -> bool:
    """Whether it is worth trying to open the robot's port."""
    return not robot.is_on_bus or Path(robot.port).exists()


def _calibration_of(robot: RobotConfig) -> Calibration:
    """The robot's own; the model's where that is unusable, as the control process reports."""
    standard = default_calibration(robot.model)
    if robot.calibration is None:
        return standard
    try:
        own = load_calibration(robot.calibration)
    except HalError as error:
        log.warning("torque_off_by_ids_of_the_model", model=robot.model, cause=str(error))
        return standard
    return own if own.robot_model == robot.model else standard


def _attempt(
    robot: RobotConfig, take_off: backends.TorqueOff, names: Mapping[int, str]
) -> TorqueOffOutcome:
    try:
        silent = take_off(robot.port, robot.baud_rate, tuple(names))
    except HalError as error:
        message = f"torque-off could not be sent ({error.reason}: {error}); cut the servos' power"
        return TorqueOffOutcome(tuple(names.values()), message)
    unconfirmed = tuple(names[servo_id] for servo_id in silent)
    if unconfirmed:
        left = ", ".join(unconfirmed)
        return TorqueOffOutcome(unconfirmed, f"torque may still be on in {left}: cut their power")
    return TorqueOffOutcome((), "the service process took torque off all servos")
