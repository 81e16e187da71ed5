"""Planners by the name of their method, and their settings, each with its paper's value.

Settings are read without torch: by the command line, the controller and the trainer's service. So a
method is imported only when a planner is built.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    model_validator,
)

from hal.errors import ReasonedError
from hal.registry import Registry, meant


class UnknownPlannerError(ReasonedError, ValueError):
    """No planner has this method; the message lists those that exist."""

    reason = "UNKNOWN_PLANNER"


class SearchSettings(BaseModel):
    """What every planner has. Papers choose these sizes per task; ours plan D'Claw in 100 ms.

    A planner is a subclass with a `method` of its own, registered by `planner`.

    Attributes:
        horizon: H, steps of a plan; iCEM 30, MAAC 10.
        population: sequences per iteration; MAAC 1024, PETS 500, iCEM 40 to 4,000.
        iterations: rounds of search; MAAC 8, PETS 5, iCEM 3 to 10, MPPI 1.
        initial_std: of the search, where actions span [-1, 1]; iCEM 0.5.
        prior_std: search with the policy's own standard deviations in its place (MAAC).
        proposals: sequences drawn from the policy, noise-free rollouts among them; 0 searches
            without the policy.
        members_per_sequence: of the ensemble's members, in how many a sequence of the search is
            rolled, dealt in turn; 0 is all. The best of each round are judged by all in the end.
            MAAC and PETS draw one per sequence.
        gamma: discount of rewards.
        reward: "objective" leaves out the regularising costs of the task's reward, which trap a
            short horizon.
        disagreement_weight: of the members' disagreement in what is maximised; a penalty below 0,
            a bonus above it; 0 in the papers.
        disagreement: standard deviation over members of the "return", or of the predicted "state"
            in units of a step's usual change.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    horizon: int = Field(default=12, ge=1, le=500)
    population: int = Field(default=128, ge=2, le=100_000)
    iterations: int = Field(default=2, ge=1, le=100)
    initial_std: float = Field(default=0.5, gt=0, le=10)
    prior_std: bool = False
    proposals: int = Field(default=24, ge=0, le=10_000)
    members_per_sequence: int = Field(default=0, ge=0, le=64)
    gamma: float = Field(default=1.0, gt=0, le=1)
    reward: Literal["objective", "task"] = "objective"
    disagreement_weight: float = 0.0
    disagreement: Literal["return", "state"] = "return"

    @abstractmethod
    def search_method(self, generator: Any) -> Any:
        """The `mbctl.planners.methods.SearchMethod` of these settings, all of whose draws come from
        `generator`, a torch.Generator. Torch is imported in here, if at all.
        """

    @model_validator(mode="after")
    def _policy_is_asked(self) -> "SearchSettings":
        if self.prior_std and not self.proposals:
            raise ValueError(
                "prior_std takes the policy's deviations along its proposals, and proposals is 0: "
                "set prior_std to false, or proposals to 1 or more"
            )
        return self

    @model_validator(mode="after")
    def _members_can_differ(self) -> "SearchSettings":
        if self.disagreement_weight and self.members_per_sequence == 1:
            raise ValueError(
                f"disagreement_weight is {self.disagreement_weight:g}, but one member cannot "
                "disagree: set members_per_sequence to 0 or to 2 and more"
            )
        return self


Kind = TypeVar("Kind", bound=type[SearchSettings])

PLANNERS: Registry[type[SearchSettings]] = Registry(
    "planner method", (), "mbctl.planners", UnknownPlannerError
)


def planner(kind: Kind) -> Kind:
    """Register settings, and with them their planner, under the default of their `method`.

    Raises:
        DuplicateNameError: another module has a planner of that name.
    """
    PLANNERS.define(kind.model_fields["method"].default, kind, kind.__module__)
    return kind


class EliteSettings(SearchSettings):
    """What both cross-entropy methods have.

    Attributes:
        elites: K, best sequences that the next distribution is fitted to; iCEM 10, MAAC 10 %.
        momentum: share of the old mean and standard deviation kept; iCEM and MAAC 0.1.
        minimum_std: floor under the standard deviation; papers have none.
    """

    elites: int = Field(default=10, ge=1)
    momentum: float = Field(default=0.1, ge=0, lt=1)
    minimum_std: float = Field(default=0.05, ge=0)

    @model_validator(mode="after")
    def _elites_fit(self) -> "EliteSettings":
        if self.elites > self.population:
            raise ValueError(
                f"elites {self.elites} is more than population {self.population}: "
                "elites are picked from the population"
            )
        return self


@planner
class CemSettings(EliteSettings):
    """The cross-entropy method."""

    method: Literal["cem"] = "cem"

    def search_method(self, generator: Any) -> Any:
        from mbctl.planners.methods import Cem

        return Cem(self, generator)


@planner
class IcemSettings(EliteSettings):
    """iCEM.

    Attributes:
        noise_beta: colour of the noise; iCEM 0.25 to 4 by task.
        decay: the population shrinks by this factor from iteration to iteration; iCEM 1.25.
        kept_fraction: of the elites, kept to the next iteration and plan; iCEM 0.3.
    """

    method: Literal["icem"] = "icem"
    noise_beta: float = Field(default=2.0, ge=0, le=10)
    decay: float = Field(default=1.25, ge=1)
    kept_fraction: float = Field(default=0.3, ge=0, le=1)

    def search_method(self, generator: Any) -> Any:
        from mbctl.planners.methods import Icem

        return Icem(self, generator)


@planner
class MppiSettings(SearchSettings):
    """MPPI.

    Attributes:
        temperature: lambda, in units of the standard deviation of the values of the sequences.
        noise_beta: colour of the noise; the paper's is white, 0.
    """

    method: Literal["mppi"] = "mppi"
    temperature: float = Field(default=0.2, gt=0)
    noise_beta: float = Field(default=0.0, ge=0, le=10)

    def search_method(self, generator: Any) -> Any:
        from mbctl.planners.methods import Mppi

        return Mppi(self, generator)


def search_settings(settings: Mapping[str, Any]) -> SearchSettings:
    """Settings by name, as a snapshot or a file has them; iCEM where no method is given.

    Raises:
        UnknownPlannerError: no planner has this method.
        ValueError: a setting is unknown or out of its range; the message names each.
    """
    kind = PLANNERS[str(settings.get("method", "icem"))]
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        faults = [_fault(dict(fault), kind) for fault in error.errors(include_url=False)]
        raise ValueError("; ".join(faults)) from error


def _fault(fault: dict[str, Any], kind: type[SearchSettings]) -> str:
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown planner setting {name!r}; {meant(name, kind.model_fields)}"
    return f"{name}: {fault['msg']}, not {fault['input']!r}" if name else fault["msg"]


def _chosen(value: Any) -> Any:
    return search_settings(value) if isinstance(value, Mapping) else value


PlannerSettings = Annotated[SerializeAsAny[SearchSettings], BeforeValidator(_chosen)]
"""A field of settings that holds any planner's, chosen by `method`."""
