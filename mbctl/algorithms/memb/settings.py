"""Settings of MEMB, checked without torch; each field says the paper's value."""

from pydantic import ConfigDict, Field

from mbctl.algorithms.registry import algorithm
from mbctl.algorithms.sac.settings import ActorCriticSettings
from mbctl.tasks.task import Task


@algorithm("memb", learner="mbctl.algorithms.memb.memb:Memb")
class MembSettings(ActorCriticSettings):
    """Settings of MEMB (Tan et al. 2020, Table 2, which differs by task).

    Of the settings that it shares with SAC the paper gives the hidden layers, 256, 256, and the
    learning rates: 3e-4, but 1e-3 for the critics on HalfCheetah and Hopper. Its temperature is
    fixed.

    Attributes:
        initial_rows: rows of the first policy before the first move; not given.
        rows_per_refit: new rows between moves; 1.
        buffer_rows: rows that are kept; not given, all of them.
        model_hidden: widths of the hidden layers of both model nets; (32, 16) to (256, 256).
        model_learning_rate: Adam's; 1e-4, on Pendulum 3e-4.
        model_updates_per_row: gradient steps of the model per new row; 1.
        model_kinematics: give the model what the robot's known geometry tells; off.
        symmetry: fit the model to all images of the data under the task's symmetry group; off.
        learned_reward: learn the reward, as the paper does; otherwise it is the task's own.
        known_termination: let imagined steps end where the task says so; the paper assumes no
            such knowledge, off.
        true_model: use the task's own dynamics in place of learned ones (appendix B.3), where it
            has them in closed form.
        updates_per_row: m, updates of critics and policy per new row; 1 to 5. Each draws `batch`
            rows, and the trainer starts no refit beyond its samples_per_insert_limit.
        initial_temperature: alpha; 0.1 to 0.4.
        learn_temperature: learn alpha as SAC does; off.
    """

    model_config = ConfigDict(protected_namespaces=())

    initial_rows: int = Field(default=1000, ge=1)
    rows_per_refit: int = Field(default=1, ge=1)
    buffer_rows: int | None = Field(default=None, ge=1)
    model_hidden: tuple[int, ...] = (256, 128)
    model_learning_rate: float = Field(default=1e-4, gt=0)
    model_updates_per_row: float = Field(default=1.0, gt=0, le=100)
    model_kinematics: bool = False
    symmetry: bool = False
    learned_reward: bool = True
    known_termination: bool = False
    true_model: bool = False
    updates_per_row: float = Field(default=5.0, gt=0, le=100)
    initial_temperature: float = Field(default=0.2, gt=0)
    learn_temperature: bool = False

    def check_task(self, task: Task) -> None:
        """As `AlgorithmSettings`: the task has no dynamics in closed form."""
        super().check_task(task)
        if self.true_model and not hasattr(task, "step"):
            raise ValueError(
                f"true_model = true: the dynamics of {task.name!r} are not known in closed form; "
                "set it to false to learn them"
            )
