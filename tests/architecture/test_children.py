"""Every Python process that is started leaves the working directory off its import path."""

import ast

import pytest


def unsafe_starts(tree: ast.Module) -> list[str]:
    """Command lines that start this interpreter with -m or -c, but without -P."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            words = [ast.unparse(element) for element in node.elts[:3]]
            if words[:1] == ["sys.executable"] and words[1:2] in (["'-m'"], ["'-c'"]):
                found.append(f"line {node.lineno}: {', '.join(words)}")
    return found


def test_no_process_is_started_without_a_safe_path(texts):
    found = {s.name: unsafe_starts(s.tree) for s in texts if s.is_python}
    unsafe = {name: lines for name, lines in found.items() if lines}
    assert not unsafe, f"use hal.child.module_command, or -P: {unsafe}"


def test_no_target_of_make_runs_without_a_safe_path(root):
    lines = (root / "Makefile").read_text().splitlines()
    bare = [line for line in lines if "/python -m" in line and " -m venv " not in line]
    assert not bare


@pytest.mark.parametrize("line", ['[sys.executable, "-m", "a"]', '(sys.executable, "-c", code)'])
def test_a_planted_one_is_found(line: str):
    assert unsafe_starts(ast.parse(line))
    assert not unsafe_starts(ast.parse(line.replace(", ", ', "-P", ', 1)))
