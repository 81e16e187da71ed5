"""The sampler changes what it says, and finds out which changes are noticed."""

import argparse
import ast
import json
from pathlib import Path

import pytest

from tests.mutation import run as runner
from tests.mutation.mutants import PACKAGES, mirrored, mutations, replaced, sample

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", "(a <= b)"),
        ("a is not b", "(a is b)"),
        ("é + b", "(é - b)"),
        ("a and b", "(a or b)"),
        ("a += b", "a -= b"),
        ("not a", "(a)"),
        ("a = True", "a = False"),
        ("a = 3", "a = 4"),
        ("a = 0.0", "a = 1.0"),
        ("run(a)", "pass"),
        ("while a: b", "while (not (a)): b"),
        ("return_ = a if b else c", "return_ = a if (not (b)) else c"),
    ],
)
def test_each_kind_of_change(text: str, expected: str):
    (found,) = mutations(text)
    assert replaced(text, found[0], found[2]) == expected


@pytest.mark.parametrize(
    "text",
    ['"""Text."""', "a: Literal[1]", "@a(1)\ndef f() -> 'b': ...", "f'{a + 1}'", "log.info(a)"],
)
def test_types_texts_and_logs_are_left_alone(text: str):
    assert list(mutations(text)) == []


def test_a_draw_can_be_repeated_and_is_python():
    drawn = sample(ROOT, 30, seed=3)
    assert drawn == sample(ROOT, 30, seed=3)
    assert drawn != sample(ROOT, 30, seed=4)
    assert len({mutant.name for mutant in drawn}) == 30
    for mutant in drawn:
        ast.parse(mutant.text)
        assert mutant.text != (ROOT / mutant.path).read_text()
        assert mutant.path.startswith(PACKAGES)
        assert all((ROOT / test).exists() for test in mirrored(ROOT, mutant.path))


def test_a_file_s_tests_are_its_mirror_image_and_those_that_import_it():
    found = mirrored(ROOT, "hal/clock.py")
    assert found[0] == "tests/hal/test_clock.py"
    assert "tests/services/controller/control/test_pacer.py" in found


def test_noticed_and_unnoticed_changes_are_told_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = "def least(a, b):\n    if a < b:\n        return a\n    return b\n"
    test = (
        "from hal.least import least as f\n\ndef test_it():\n    assert f(1, 2) == f(2, 1) == 1\n"
    )
    for name, text in (("hal/least.py", source), ("tests/hal/test_least.py", test)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    monkeypatch.setattr(runner, "COPIED", ("hal", "tests"))
    out = tmp_path / "out.json"
    arguments = argparse.Namespace(count=9, seed=0, out=out, limit_s=60.0, packages=["hal"])
    results = runner.run(arguments)
    assert sorted(entry["verdict"] for entry in results.values()) == ["killed", "survived"]
    assert "+    if (a <= b):" in runner.report(results)
    assert "1 of 2 noticed (50%)" in runner.report(results)
    assert json.loads(out.read_text()) == results
    monkeypatch.setattr(runner.Checkout, "judge", None)
    assert runner.run(arguments) == results
