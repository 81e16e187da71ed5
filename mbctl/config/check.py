"""Checks that need to know the tasks and algorithms there are; torch stays out."""

import tomllib
from shlex import quote
from typing import Any

from pydantic import ValidationError

from hal.registry import meant
from mbctl.config.errors import ConfigError, from_validation
from mbctl.config.models import AlgorithmConfig, TaskConfig
from mbctl.config.typed import typed


def check_task_name(name: str, key: str) -> None:
    """Make sure that there is such a task.

    Args:
        key: what the message calls the name by, such as "--task".

    Raises:
        ConfigError: there is not.
    """
    from mbctl.tasks.registry import TASKS

    if name not in TASKS:
        broken = "".join(f"; {message}" for message in TASKS.broken().values())
        near = meant(name, sorted(TASKS.names()), show_all=True)
        raise ConfigError(f"{key} {name!r}: unknown task; {near}{broken}")


def check_task(config: TaskConfig, robot_model: str) -> None:
    """Make sure the task exists, has a robot and is one for this robot model.

    Raises:
        ConfigError: it does not or is not.
    """
    from hal.robots.registry import ROBOTS
    from mbctl.tasks.registry import make_task

    check_task_name(config.name, "task.name =")
    model = make_task(config.name).robot.model
    if model not in ROBOTS:
        raise ConfigError(
            f"task.name = {config.name!r}: a benchmark task, which no robot has; the daemons need "
            f"a robot's task, `mbctl bench curves --task {quote(config.name)}` learns this one"
        )
    try:
        make_task(config.name, config.observation)
    except ValueError as error:
        raise ConfigError(f"task.observation = {config.observation!r}: {error}") from error
    if model != robot_model:
        raise ConfigError(
            f"task.name = {config.name!r} is a task for robot model {model!r}, "
            f"but the robot's model is {robot_model!r}"
        )


def check_algorithm_name(name: str) -> None:
    """Make sure that there is such an algorithm.

    Raises:
        ConfigError: there is not.
    """
    from mbctl.algorithms.registry import ALGORITHMS, UnknownAlgorithmError

    try:
        ALGORITHMS[name]
    except UnknownAlgorithmError as error:
        raise ConfigError(f"algorithm.name = {name!r}: {error}") from error


def check_settings_for_task(config: AlgorithmConfig, task_name: str) -> None:
    """Make sure that an algorithm's settings ask of the task only what it has.

    Raises:
        ConfigError: they do not.
    """
    from mbctl.algorithms.registry import algorithm_config
    from mbctl.tasks.registry import make_task

    try:
        algorithm_config(config.name, config.settings).check_task(make_task(task_name))
    except ValueError as error:
        raise ConfigError(f"algorithm.settings.{error}") from error


def resolve_algorithm(config: AlgorithmConfig) -> AlgorithmConfig:
    """Lay the settings over their preset and let the algorithm complete and check them.

    Raises:
        ConfigError: unknown algorithm, preset or setting.
    """
    from mbctl.algorithms.registry import algorithm_config

    check_algorithm_name(config.name)
    model = type(algorithm_config(config.name, {}))
    settings = _laid_over(read_preset(config.name, config.preset), typed(config.settings, model))
    try:
        resolved = algorithm_config(config.name, settings)
    except ValidationError as error:
        prefix = ("algorithm", "settings")
        raise from_validation(error, model, "configuration", prefix) from error
    return config.model_copy(update={"settings": resolved.model_dump(mode="json")})


def _laid_over(preset: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Tables key by key, anything else whole."""
    laid = {**preset, **settings}
    for key in preset.keys() & settings.keys():
        if isinstance(preset[key], dict) and isinstance(settings[key], dict):
            laid[key] = {**_kept(preset[key], settings[key]), **settings[key]}
    return laid


def _kept(preset: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """A preset's planner, without what a planner of the method in `settings` does not have."""
    from mbctl.planners.settings import PLANNERS

    method = settings.get("method", preset.get("method"))
    if method == preset.get("method") or method not in PLANNERS.names():
        return preset  # of an unknown method validation tells
    return {key: preset[key] for key in preset.keys() & PLANNERS[method].model_fields.keys()}


def read_preset(algorithm: str, preset: str) -> dict[str, Any]:
    """The table `settings` of configs/{algorithm}.toml, or of {algorithm}-{preset}.toml.

    Raises:
        ConfigError: there is no such preset.
    """
    return _read(algorithm, preset).get("settings", {})


def preset_observation(algorithm: str, preset: str) -> str:
    """The observation that a preset is made for.

    Raises:
        ConfigError: there is no such preset.
    """
    return _read(algorithm, preset).get("task", {}).get("observation", "default")


def _read(algorithm: str, preset: str) -> dict[str, Any]:
    from mbctl.algorithms.registry import ALGORITHMS

    presets = ALGORITHMS[algorithm].presets()
    if preset not in presets:  # never a path made of what somebody typed
        if preset == "default":
            return {}
        raise ConfigError(
            f"algorithm.preset = {preset!r}: no such preset for {algorithm}; "
            f"{meant(preset, sorted({'default', *presets}), show_all=True)}"
        )
    return tomllib.loads(presets[preset].read_text(encoding="utf-8"))
