"""Every row of the catalogue has a test, and the table of this folder's README says which."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
ROWS = set(range(1, 46))
NUMBERS = re.compile(r"test_row_((?:\d\d_)+)(?:to_(\d\d)_)?")


def rows_of(name: str) -> set[int]:
    """The rows that a test is named after: those in a list, or from one to another."""
    found = NUMBERS.match(name)
    if found is None:
        return set()
    rows = [int(number) for number in found.group(1).split("_") if number]
    return set(range(rows[0], int(found.group(2)) + 1)) if found.group(2) else set(rows)


def named() -> dict[str, tuple[Path, ast.FunctionDef]]:
    found = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert node.name not in found, f"{node.name} is there twice"
                found[node.name] = path, node
    return found


def test_every_row_has_a_test_that_is_run_with_every_seed():
    seeded = set()
    for name, (_, node) in named().items():
        if {"vary", "seed"} & {argument.arg for argument in node.args.args}:
            seeded |= rows_of(name)
    assert seeded == ROWS


def test_the_table_says_where_each_row_is_tested():
    table = (HERE / "README.md").read_text(encoding="utf-8")
    told = {
        int(row): files for row, files in re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", table, re.M)
    }
    assert set(told) == ROWS
    for name, (path, _) in named().items():
        for row in rows_of(name):
            assert f"`{path.name}`" in told[row], f"row {row}: {path.name} is not in the table"


def test_names_are_read_as_they_are_meant():
    assert rows_of("test_row_21_to_24_unfit") == {21, 22, 23, 24}
    assert rows_of("test_row_16_17_unplugged") == {16, 17}
    assert rows_of("test_row_07_flood") == {7}
    assert rows_of("test_other") == set()
