"""Settings of MBPO, checked without torch; each field says the paper's value."""

from pydantic import Field

from mbctl.algorithms.branched_settings import BranchedSettings


class MbpoSettings(BranchedSettings):
    """Settings of MBPO (Janner et al. 2019, Table 1 and the authors' code).

    Attributes:
        initial_rows: rows of the first policy before the first update; 5,000, 500 for
            InvertedPendulum, in the authors' code.
        rows_per_refit: new rows between fits of the model; 250 in the authors' code.
        updates_per_row: G, updates of policy and critics per new row; 20, for HalfCheetah 40. The
            first improvement makes those of one regular refit: the first rows are due none.
    """

    updates_per_row: float = Field(default=20.0, gt=0, le=100)
