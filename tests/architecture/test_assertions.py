"""No test passes whatever happens: each asserts something, itself or through what it calls."""

import ast
from collections.abc import Iterator

import pytest

Function = ast.FunctionDef | ast.AsyncFunctionDef
# A wait that is not met in time fails the test; these come by fixture from a conftest.py.
CHECKS = {"raises", "warns", "fail", "wait_for", "wait_until", "eventually"}


def calls(function: Function) -> Iterator[str]:
    """The last name of everything that is called in it."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func)


def asserts(function: Function) -> bool:
    found = any(isinstance(node, ast.Assert) for node in ast.walk(function))
    return found or any(n in CHECKS or n.startswith("assert") for n in calls(function))


def unasserted(tree: ast.Module) -> list[str]:
    """Tests of a file that assert nothing, nor do functions of the file that they call."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    sound = {function.name for function in functions if asserts(function)}
    callers = True
    while callers:
        callers = {f.name for f in functions if f.name not in sound and sound & set(calls(f))}
        sound |= callers
    return [f.name for f in functions if f.name.startswith("test") and f.name not in sound]


def test_every_test_asserts_something(texts):
    files = [s for s in texts if s.name.startswith("tests/") and s.is_python]
    assert len(files) > 300
    found = {s.name: missing for s in files if (missing := unasserted(s.tree))}
    assert not found, f"assert what the call has done: {found}"


@pytest.mark.parametrize(
    ("body", "is_sound"),
    [
        ("run()", False),
        ("seen = run()", False),
        ("assert run()", True),
        ("with pytest.raises(E): run()", True),
        ("np.testing.assert_equal(run(), 1)", True),
        ("check()", True),
        ("wait_for(run)", True),
    ],
)
def test_a_planted_one_is_found(body: str, is_sound: bool):
    code = f"def check():\n    inner()\ndef inner():\n    assert 1\ndef test_it():\n    {body}\n"
    assert unasserted(ast.parse(code)) == ([] if is_sound else ["test_it"])


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
