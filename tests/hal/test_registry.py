import importlib.metadata
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hal.registry import DuplicateNameError, Registry, meant

GROUP = "mbctl.test_registry"


class UnknownBodyError(ValueError):
    pass


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write modules into an importable folder, and say which entry points are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    installed: list[EntryPoint] = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: installed)
    monkeypatch.setattr("hal.registry.entry_points", lambda group: installed)

    def write(name: str, text: str, point: str | None = None) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        if point is not None:
            installed.append(EntryPoint(point, name, GROUP))
        return name

    return write


def registry(*modules: str) -> Registry[int]:
    made = Registry[int]("body", modules, GROUP, UnknownBodyError)
    sys.modules["the_registry"] = type(sys)("the_registry")
    sys.modules["the_registry"].BODIES = made  # type: ignore[attr-defined]
    return made


def defines(name: str, value: int) -> str:
    return f"from the_registry import BODIES\nBODIES.define({name!r}, {value}, __name__)\n"


def test_finds_what_a_module_of_its_own_defines(packages) -> None:
    assert registry(packages("own_arm", defines("arm", 7)))["arm"] == 7


def test_names_end_with_those_of_other_packages(packages) -> None:
    own = packages("own_leg", defines("leg", 1))
    packages("their_arm", defines("arm", 2), point="arm")
    bodies = registry(own)
    assert bodies.names() == ("leg", "arm")
    assert bodies["arm"] == 2
    assert bodies.module("arm") == "their_arm"


def test_a_name_is_in_it_whoever_defines_it(packages) -> None:
    own = packages("own_wing", defines("wing", 8))
    packages("their_fin", defines("fin", 9), point="fin")
    bodies = registry(own)
    assert "wing" in bodies
    assert "their_fin" not in sys.modules
    assert "fin" in bodies
    assert "tail" not in bodies


def test_an_own_name_is_found_without_importing_other_packages(packages) -> None:
    own = packages("own_hand", defines("hand", 3))
    packages("their_broken", "raise RuntimeError('no')", point="their")
    bodies = registry(own)
    assert bodies["hand"] == 3
    assert "their_broken" not in sys.modules


def test_a_package_that_cannot_be_imported_is_named_and_costs_no_other_name(packages) -> None:
    own = packages("own_eye", defines("eye", 4))
    packages("their_typo", "import numpyy", point="typo")
    bodies = registry(own)
    assert bodies.names() == ("eye",)
    assert "typo" in bodies.broken()["typo"]
    with pytest.raises(UnknownBodyError, match=r"'ear'.*their_typo: ModuleNotFoundError.*numpyy"):
        bodies["ear"]


def test_an_unknown_name_is_answered_with_the_nearest(packages) -> None:
    bodies = registry(packages("own_claw", defines("claw", 5)))
    with pytest.raises(UnknownBodyError, match="unknown body 'clow'; did you mean 'claw'"):
        bodies["clow"]


def test_a_name_belongs_to_one_module(packages) -> None:
    own = packages("own_foot", defines("foot", 6))
    packages("their_foot", defines("foot", 66), point="foot")
    bodies = registry(own)
    assert bodies.names() == ("foot",)
    assert bodies["foot"] == 6
    assert "own_foot already" in bodies.broken()["foot"]
    with pytest.raises(DuplicateNameError, match="their_foot is defined in own_foot"):
        bodies.define("foot", 66, "their_foot")


def test_an_own_module_that_fails_is_an_error_each_time(packages) -> None:
    bodies = registry(packages("own_bad", "raise RuntimeError('bad module')"))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="bad module"):
            bodies["anything"]


def test_what_was_meant_lists_all_where_nothing_is_near() -> None:
    assert meant("zzz", ["arm", "leg"]) == "known: arm, leg"
    assert meant("zzz", []) == "known: none"
