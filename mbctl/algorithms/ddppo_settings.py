"""Settings of DDPPO, checked without torch; each field says the paper's value."""

from pydantic import Field

from mbctl.algorithms.branched_settings import BranchedSettings


class DdppoSettings(BranchedSettings):
    """Settings of DDPPO (Li et al. 2022, Table 1 and appendix B.2.2).

    Attributes:
        initial_rows: rows of the first policy before the first update; 5,000, 200 for
            InvertedPendulum.
        rows_per_refit: new rows between fits of the models; 250.
        updates_per_row: updates of policy and critics per new row, G_1 and G_2; 10 each. The first
            improvement makes those of one regular refit: the first rows are due none.
        horizon: H, model steps through which the policy is improved; 3, for Hopper 2.
        gradient_weight: w, of the gradient loss; 10 InvertedPendulum, 50 Hopper, 0.1 Walker2d, Ant,
            Humanoid, 1 HalfCheetah. 0 leaves it out.
        neighbours: n, directions in which it looks; 10 InvertedPendulum, 25 Hopper, Walker2d,
            HalfCheetah, 5 Ant, Humanoid.
        neighbour_rows: newest rows, images included, among which neighbours are; 10,000 in the
            authors' code.
        neighbour_radius: root mean square over the standardised inputs beyond which a neighbour is
            too far to tell of a derivative; None, as in the paper, takes any.
        directions_per_step: how many of the n, drawn at random, each gradient step looks in, which
            costs less and is the same on average; None, as in the paper, takes all.
        policy_gradient_norm: the policy's gradient is cut to that length; None does not cut. The
            authors' code cuts each entry at 5.
    """

    updates_per_row: float = Field(default=10.0, gt=0, le=100)
    horizon: int = Field(default=3, ge=0, le=100)
    gradient_weight: float = Field(default=1.0, ge=0)
    neighbours: int = Field(default=10, ge=1)
    neighbour_rows: int = Field(default=10_000, ge=2)
    neighbour_radius: float | None = Field(default=None, gt=0)
    directions_per_step: int | None = Field(default=None, ge=1)
    policy_gradient_norm: float | None = Field(default=5.0, gt=0)
