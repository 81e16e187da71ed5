"""What every configuration class shares."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A tree that cannot be changed, in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
