"""A body driven in all ways: a cart by force, a pendulum on it by torque, a wrist by position."""

from pathlib import Path

from hal.description import RobotDescription, SceneSource
from hal.types import ActuatorKind, JointSpec, RobotSpec, SensorSpec

CART_N, SWING_NM, SWING_NM_S = 5.0, 2.0, 50.0
SWING_MAX_RAD, SWING_MAX_RAD_S = 2.5, 8.0
SPEC = RobotSpec(
    model="driven-pendulum",
    joints=(
        JointSpec(
            "cart", -1.0, 1.0, 3.0, kind=ActuatorKind.FORCE, effort_min=-CART_N, effort_max=CART_N
        ),
        JointSpec(
            "swing",
            -SWING_MAX_RAD,
            SWING_MAX_RAD,
            SWING_MAX_RAD_S,
            kind=ActuatorKind.TORQUE,
            effort_min=-SWING_NM,
            effort_max=SWING_NM,
            effort_rate_max=SWING_NM_S,
        ),
        JointSpec("wrist", -1.5, 1.5, 2.0),
    ),
    objects=(),
    home_position_rad=(0.0, 0.0, 0.0),
    sensors=(SensorSpec("tip", 3, "m"), SensorSpec("swing_torque", 1, "N m")),
)
SCENE = """
<mujoco model="driven pendulum">
  <compiler angle="radian"/>
  <option timestep="0.002"/>
  <worldbody>
    <body name="cart" pos="0 0 1">
      <joint name="cart" type="slide" axis="1 0 0" damping="0.1"/>
      <geom type="box" size="0.1 0.05 0.03" mass="1" contype="0" conaffinity="0"/>
      <body name="rod">
        <joint name="swing" axis="0 1 0" damping="0.02"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.5" size="0.02" mass="0.2"
              contype="0" conaffinity="0"/>
        <body name="hand" pos="0 0 -0.5">
          <joint name="wrist" axis="0 1 0" damping="0.05" armature="0.001"/>
          <geom type="capsule" fromto="0 0 0 0 0 -0.05" size="0.01" mass="0.02"
                contype="0" conaffinity="0"/>
          <site name="tip" pos="0 0 -0.05"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="push" joint="cart"/>
    <motor name="swing" joint="swing" gear="4" ctrlrange="-0.5 0.5" ctrllimited="true"/>
    <position joint="wrist" kp="2"/>
  </actuator>
  <sensor>
    <framepos name="tip" objtype="site" objname="tip"/>
    <jointactuatorfrc name="swing_torque" joint="swing"/>
  </sensor>
</mujoco>
"""


def driven_pendulum(folder: Path, spec: RobotSpec = SPEC, scene: str = SCENE) -> RobotDescription:
    """Its description, with the MJCF written into `folder`."""
    file = folder / "driven_pendulum.xml"
    file.write_text(scene)
    return RobotDescription(spec, SceneSource(str(file)))
