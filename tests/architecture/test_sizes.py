"""Files and functions stay small enough to be read in one go."""

import ast
import statistics

FILE_LINES_MAX = 500  # a concept is not split to please a number
FILE_LINES_MEDIAN_MAX = 120
FUNCTION_LINES_MEDIAN_MAX = 10


def functions(tree: ast.Module) -> list[int]:
    """Lines of each function below `tree`."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in found]


def test_no_file_is_long(texts):
    sized = [s for s in texts if s.is_python or s.name.endswith((".md", ".proto"))]
    long = {s.name: s.lines for s in sized if s.lines > FILE_LINES_MAX}
    assert not long, f"longer than {FILE_LINES_MAX} lines, to be split: {long}"


def test_the_median_file_is_short(package_sources, record_property):
    lines = [s.lines for s in package_sources if s.text.count("\n") > 3]  # no bare __init__.py
    median = statistics.median(lines)
    record_property("median file, lines", median)
    assert median <= FILE_LINES_MEDIAN_MAX, f"{len(lines)} files, median {median} lines"


def test_the_median_function_is_short(package_sources, record_property):
    lines = [size for source in package_sources for size in functions(source.tree)]
    median = statistics.median(lines)
    record_property("median function, lines", median)
    assert median <= FUNCTION_LINES_MEDIAN_MAX, f"{len(lines)} functions, median {median} lines"
