"""A key that nothing reads is a promise that nothing keeps."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mbctl.algorithms.registry import ALGORITHMS, algorithm_config
from mbctl.config import ControllerConfig, TrainerConfig
from mbctl.config.errors import keys_of, tables_in
from mbctl.config.models import Rhythm
from mbctl.planners.settings import PLANNERS

PACKAGES = ("hal", "mbctl", "services", "sim")


def keys_below(table: Any) -> Iterator[str]:
    for key, annotation in keys_of(table).items():
        yield key
        for inner in tables_in(annotation):
            yield from keys_below(inner)


@pytest.fixture(scope="module")
def read_names(root: Path) -> set[str]:
    """Names of attributes that some code reads."""
    names = set()
    for package in PACKAGES:
        for path in (root / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    names.add(node.attr)
    return names


@pytest.mark.parametrize("table", [ControllerConfig, TrainerConfig, Rhythm])
def test_every_key_is_read_somewhere(table: type, read_names: set[str]):
    keys = set(keys_below(table))
    assert len(keys) >= len(keys_of(table))
    assert keys - read_names == set()


@pytest.mark.parametrize("algorithm", ALGORITHMS.names())
def test_every_setting_of_an_algorithm_is_read_somewhere(algorithm: str, read_names: set[str]):
    keys = set(keys_below(type(algorithm_config(algorithm, {}))))
    assert len(keys) > 5
    assert keys - read_names == set()


@pytest.mark.parametrize("planner", PLANNERS.names())
def test_every_setting_of_a_planner_is_read_somewhere(planner: str, read_names: set[str]):
    keys = set(keys_below(PLANNERS[planner]))
    assert len(keys) > 5
    assert keys - read_names == set()
