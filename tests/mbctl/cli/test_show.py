"""mbctl show robots and its like: the registries, for people and programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hal.registry import Registry
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.cli.app import app
from mbctl.cli.show import show_registry
from mbctl.planners.settings import PLANNERS
from mbctl.tasks.registry import TASKS

KINDS = ("robots", "tasks", "algorithms", "presets", "planners")


def shown(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["show", *arguments])


@pytest.mark.parametrize("kind", KINDS)
def test_each_name_has_its_line_and_its_module(kind: str):
    run = shown(kind, "--json")
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert told["broken"] == {}
    lines = shown(kind).stdout.splitlines()
    firsts = [next(iter(one.values())) for one in told["entries"]]
    assert [line.split()[0] for line in lines[1:]] == firsts
    for one, line in zip(told["entries"], lines[1:], strict=True):
        assert line.split()[-1] == one["module"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("tasks", TASKS.names),
        ("algorithms", ALGORITHMS.names),
        ("planners", PLANNERS.names),
    ],
)
def test_they_are_the_names_that_can_be_typed(kind: str, names: Callable[[], tuple[str, ...]]):
    entries = json.loads(shown(kind, "--json").stdout)["entries"]
    assert [one["name"] for one in entries] == list(names())


def test_facts_are_those_of_the_definitions():
    robots = {one["name"]: one for one in json.loads(shown("robots", "--json").stdout)["entries"]}
    assert (robots["dclaw"]["joints"], robots["dkitty"]["joints"]) == (9, 12)
    tasks = {one["name"]: one for one in json.loads(shown("tasks", "--json").stdout)["entries"]}
    assert tasks["dkitty-walk-random"]["robot"] == "dkitty"
    assert "default" in tasks["dclaw-turn-random"]["observations"]


def test_presets_are_those_that_can_be_typed():
    entries = json.loads(shown("presets", "--json").stdout)["entries"]
    told = [(one["algorithm"], one["preset"]) for one in entries]
    assert told == [(name, preset) for name in ALGORITHMS.names() for preset in presets_of(name)]
    assert {("pal", "default"), ("pal", "fast"), ("pal", "paper")} <= set(told)


def presets_of(algorithm: str) -> tuple[str, ...]:
    return tuple(ALGORITHMS[algorithm].presets())


def test_a_broken_plug_in_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    package = tmp_path / "lab-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[test.things]\nbent = no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[str] = Registry("thing", (), "test.things", KeyError)
    registry.define("whole", "a thing", "here")
    show_registry(registry, lambda name: [{"name": name, "size": 3}], as_json=False)
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split() == ["whole", "3", "here"]
    assert "'bent'" in err
    assert "of lab cannot load no_such_module: ModuleNotFoundError" in err
    show_registry(registry, lambda name: [{"name": name, "size": 3}], as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["entries"] == [{"name": "whole", "size": 3, "module": "here"}]
    assert list(told["broken"]) == ["bent"]
