"""From a robot in a known pose to its calibration, and how far that is from the one before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import degrees, pi, remainder

from hal.description import ServoJoint
from hal.dynamixel.calibration import Calibration, CalibrationError
from hal.dynamixel.units import POSITION_RAD, TICKS_PER_TURN
from hal.robots.registry import robot_spec
from hal.types import JointSpec
from services.bring_up.finding import Finding, fail, ok, warn
from services.bring_up.measure import Standing
from services.bring_up.reference_pose import ReferencePose
from services.bring_up.target import Target

DRIFT_WARN_DEG = 2.0
CHANGE_MAX_DEG = 20.0
_LAST_TICK = TICKS_PER_TURN - 1


@dataclass(frozen=True, slots=True)
class JointChange:
    """One joint, measured.

    Attributes:
        name, servo_id: which.
        ticks, spread_ticks: where its servo stood and how still.
        reference_rad: where the pose says that the joint was.
        offset_rad: what its calibration becomes.
        change_deg: by how much the joint's angle was wrong until now.
    """

    name: str
    servo_id: int
    ticks: float
    spread_ticks: int
    reference_rad: float
    offset_rad: float
    change_deg: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measured calibration.

    Attributes:
        calibration: the new one.
        changes: one for each joint, in the robot's order.
    """

    calibration: Calibration
    changes: tuple[JointChange, ...]

    @property
    def largest(self) -> JointChange:
        """The joint whose angle was wrong most."""
        return max(self.changes, key=lambda c: abs(c.change_deg))


def calibrate(
    present: Calibration, pose: ReferencePose, standing: Mapping[int, Standing]
) -> Outcome:
    """What the offsets must be for the robot to stand in `pose`.

    Args:
        present: the calibration until now: ids, directions and travels come from it.
        pose: where the joints are.
        standing: where the servos stand, by id.

    Raises:
        CalibrationError: SERVO_TURN_EXCEEDED, a joint whose range crosses its servo's zero.
    """
    changes = tuple(_change(j, pose, standing[j.servo_id]) for j in present.joints)
    spec = robot_spec(present.robot_model)
    joints = tuple(
        _with_offset(joint, change.offset_rad, limits)
        for joint, change, limits in zip(present.joints, changes, spec.joints, strict=True)
    )
    return Outcome(replace(present, joints=joints), changes)


def _change(joint: ServoJoint, pose: ReferencePose, standing: Standing) -> JointChange:
    reference_rad = pose.position_rad[joint.name]
    offset_rad = reference_rad - joint.scale * standing.ticks * POSITION_RAD
    # A servo cannot tell one turn from the next: the nearest one is meant.
    change_rad = remainder(offset_rad - joint.offset_rad, 2 * pi)
    return JointChange(
        name=joint.name,
        servo_id=joint.servo_id,
        ticks=standing.ticks,
        spread_ticks=standing.spread_ticks,
        reference_rad=reference_rad,
        offset_rad=offset_rad,
        change_deg=degrees(change_rad),
    )


def _with_offset(joint: ServoJoint, offset_rad: float, limits: JointSpec) -> ServoJoint:
    """The joint with another zero; its travel ends where its servo's turn does."""
    ends = sorted((offset_rad, offset_rad + joint.scale * _LAST_TICK * POSITION_RAD))
    low, high = max(joint.travel_min_rad, ends[0]), min(joint.travel_max_rad, ends[1])
    if low > limits.position_min_rad or high < limits.position_max_rad:
        raise CalibrationError(
            f"{joint.name} (servo {joint.servo_id}) reaches {degrees(low):.0f} to "
            f"{degrees(high):.0f} degrees within its servo's turn, and must reach "
            f"{degrees(limits.position_min_rad):.0f} to {degrees(limits.position_max_rad):.0f}: "
            "check the pose, or mount its horn turned by a quarter",
            reason="SERVO_TURN_EXCEEDED",
        )
    return replace(joint, offset_rad=offset_rad, travel_min_rad=low, travel_max_rad=high)


def drift_finding(
    outcome: Outcome, target: Target, *, change_max_deg: float, is_kept: bool
) -> Finding:
    """How far the measurement is from the calibration until now.

    Args:
        change_max_deg: more than this is no drift, but a mistake.
        is_kept: the measurement becomes the calibration.
    """
    usual = f"the usual values of a {target.robot}"
    until_now = str(target.calibration_path or usual)
    suspicious = [c for c in outcome.changes if abs(c.change_deg) > change_max_deg]
    if suspicious:
        message = f"{_shown(suspicious)} from {until_now}; more than {change_max_deg:g} degrees"
        remedy = (
            "check the pose, and that no two plugs or ids are swapped; if it is so: "
            f"--max-change {abs(outcome.largest.change_deg) + 1:.0f}"
        )
        return fail("drift", message, remedy)
    drifted = [c for c in outcome.changes if abs(c.change_deg) > DRIFT_WARN_DEG]
    if drifted and not is_kept:
        out = str(target.calibration_path or f"{target.robot}.json")
        remedy = target.command("calibrate", "--out", out)
        return warn("drift", f"{_shown(drifted)} from {until_now}", remedy)
    return ok("drift", f"{_shown([outcome.largest])} at most, from {until_now}")


def _shown(changes: list[JointChange]) -> str:
    return ", ".join(f"{c.name} by {c.change_deg:+.1f} degrees" for c in changes)
