"""The servo as the benchmark's model has it: MuJoCo's soft position actuator, for comparison.

In position modes the torque is that of the model's actuator, stiffness * (goal - angle), scaled by
the P gain over the factory's: 2 and 5 Nm/rad in the benchmark's models, where a servo on 12 V has
19. With factory gains a joint then moves exactly as in the plain simulation.
"""

from sim.servo.motor import (
    Control,
    FactoryLoops,
    Motor,
    MotorCommand,
    MotorOutput,
    MotorParameters,
)

# The model's joints have so little inertia (0.001 kg m2) that a voltage limit with the whole
# back-EMF would be unstable in a step of 2.5 ms; with a speed filtered like this it is not.
_SPEED_FILTER_S = 0.005


class RobelMotor(Motor):
    """A motor with the stiffness of the model's position actuator.

    Args:
        parameters: of the kind of servo; of its voltage limit, currents and heat.
        factory: what the gains of its firmware count from, in all but position modes.
        stiffness_nm_rad: of the position actuator in the plain simulation.
        saturates: whether torque and speed in position modes end where the supply's voltage does.
            False as in the plain simulation, whose actuators have no limit; a duty cycle limited
            below 1 limits in either case.
    """

    def __init__(
        self,
        parameters: MotorParameters,
        factory: FactoryLoops,
        stiffness_nm_rad: float,
        *,
        saturates: bool = False,
    ) -> None:
        super().__init__(parameters, factory)
        self._stiffness = stiffness_nm_rad
        self._saturates = saturates
        self._speed = 0.0

    def step(
        self,
        command: MotorCommand,
        position_rad: float,
        velocity_rad_s: float,
        supply_v: float,
        duration_s: float,
    ) -> MotorOutput:
        """Torque to apply for the next `duration_s`, from the shaft's state now."""
        share = duration_s / (_SPEED_FILTER_S + duration_s)
        self._speed += share * (velocity_rad_s - self._speed)
        if command.control is not Control.POSITION or supply_v <= 0:
            return super().step(command, position_rad, velocity_rad_s, supply_v, duration_s)
        if self._control is not Control.POSITION:
            self._control, self._integral = Control.POSITION, 0.0
        stored = self._integral
        wanted_nm = self._wanted_nm(command, position_rad, velocity_rad_s, duration_s)
        torque_nm = self._limit(command, wanted_nm, supply_v)
        if torque_nm != wanted_nm:
            self._integral = stored
        return self._measured(torque_nm, supply_v, duration_s)

    def _wanted_nm(
        self, command: MotorCommand, position_rad: float, velocity_rad_s: float, duration_s: float
    ) -> float:
        gains, error = command.gains, command.position_rad - position_rad
        slip = command.velocity_rad_s - velocity_rad_s
        self._integral += gains.integral_per_s * error * duration_s
        return self._stiffness * (
            gains.stiffness_ratio * error
            + gains.damping_s * slip
            + gains.feedforward_s * command.velocity_rad_s
            + self._integral
        )

    def _limit(self, command: MotorCommand, wanted_nm: float, supply_v: float) -> float:
        """Inside the voltage that there is, where it counts, and the current that may flow."""
        torque_nm = wanted_nm
        if self._saturates or command.pwm < 1:
            volts, back_emf_v = command.pwm * supply_v, self._back_emf * self._speed
            low = self._constant * ((-volts - back_emf_v) / self._resistance)
            high = self._constant * ((volts - back_emf_v) / self._resistance)
            torque_nm = min(max(torque_nm, low), high)
        most_nm = self._constant * command.current_a
        return min(max(torque_nm, -most_nm), most_nm)

    def _measured(self, torque_nm: float, supply_v: float, duration_s: float) -> MotorOutput:
        current_a = torque_nm / self._constant
        volts = current_a * self._resistance + self._back_emf * self._speed
        pwm = min(max(volts / supply_v, -1.0), 1.0)
        self._heat(current_a, duration_s)
        return MotorOutput(torque_nm, current_a, pwm, max(0.0, pwm * current_a))
