"""Settings are chosen by their method, and say what is wrong with them."""

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from hal.registry import DuplicateNameError
from mbctl.planners.settings import (
    PLANNERS,
    IcemSettings,
    PlannerSettings,
    SearchSettings,
    UnknownPlannerError,
    planner,
    search_settings,
)


class Planned(BaseModel):
    planner: PlannerSettings = IcemSettings(horizon=3)


@pytest.mark.parametrize("method", PLANNERS.names())
def test_settings_are_told_apart_by_their_method(method: str):
    settings = search_settings({"method": method, "horizon": 7})
    assert type(settings) is PLANNERS[method]
    adapter = TypeAdapter(PlannerSettings)
    assert adapter.validate_python(settings.model_dump()) == settings
    assert adapter.validate_json(settings.model_dump_json()) == settings
    assert Planned(planner=settings).model_dump()["planner"] == settings.model_dump()


def test_icem_is_meant_where_there_is_no_method():
    assert Planned.model_validate({"planner": {"horizon": 4}}).planner == IcemSettings(horizon=4)


@pytest.mark.parametrize("method", ["gradient", 3, [3], None])
def test_an_unknown_method_is_refused_with_the_known_ones(method: object):
    with pytest.raises(UnknownPlannerError, match=r"unknown planner method .*; known: cem, icem"):
        search_settings({"method": method})
    with pytest.raises(ValidationError, match=r"known: cem, icem, mppi"):
        Planned.model_validate({"planner": {"method": method}})


def test_a_setting_of_another_method_is_refused():
    with pytest.raises(ValidationError, match="unknown planner setting 'noise_beta'; known: hor"):
        Planned.model_validate({"planner": {"method": "cem", "noise_beta": 1.0}})


def test_two_modules_cannot_have_one_method():
    class Other(IcemSettings):
        pass

    with pytest.raises(DuplicateNameError, match=r"'icem' of .*test_settings is defined in mbctl"):
        planner(Other)
    assert PLANNERS["icem"] is IcemSettings


def test_settings_without_a_search_are_none():
    with pytest.raises(TypeError, match="search_method"):
        SearchSettings()  # type: ignore[abstract]


def test_more_elites_than_population_are_refused():
    with pytest.raises(ValidationError, match="elites 20 is more than population 10"):
        IcemSettings(population=10, elites=20)


def test_one_member_has_nobody_to_disagree_with():
    with pytest.raises(ValidationError, match="one member cannot disagree"):
        IcemSettings.model_validate({"members_per_sequence": 1, "disagreement_weight": -1.0})


def test_deviations_of_no_proposals_are_refused():
    with pytest.raises(ValidationError, match="proposals is 0"):
        IcemSettings.model_validate({"prior_std": True, "proposals": 0})
