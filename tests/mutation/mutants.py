"""Single changes of the source that tests should notice; sites are drawn from the syntax tree."""

import ast
import copy
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    "hal",
    "mbctl/data",
    "mbctl/losses",
    "mbctl/planners",
    "services/controller",
    "services/trainer",
)
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
LOGS = {"log", "_log", "logger", "_logger"}  # what is only told changes no behaviour


@dataclass(frozen=True)
class Mutant:
    """One file with one change.

    Attributes:
        path: of the file, relative to the root.
        line: where the change begins, from 1.
        kind: what was changed, in a word.
        text: the whole file with the change.
        diff: of the change, unified.
    """

    path: str
    line: int
    kind: str
    text: str
    diff: str

    @property
    def name(self) -> str:
        """The same for the same change of the same file, whatever is sampled beside it."""
        changed = [row for row in self.diff.splitlines() if row[:1] == "+" and row[:3] != "+++"]
        return f"{self.path}:{self.line} {self.kind} {''.join(changed)[1:].strip()}"


def sample(root: Path, count: int, seed: int, packages: tuple[str, ...] = PACKAGES) -> list[Mutant]:
    """`count` mutants of the files below `packages`, every site as likely as any other."""
    files = [path for name in packages for path in sorted((root / name).rglob("*.py"))]
    sites = [(path, index) for path in files for index in range(_count(path.read_text()))]
    drawn = random.Random(seed).sample(sites, min(count, len(sites)))
    return [_mutant(root, path, index) for path, index in drawn]


def mutations(text: str) -> Iterator[tuple[ast.AST, str, str]]:
    """Node, kind of the change, and the source to stand in the node's place."""
    for node in _nodes(ast.parse(text)):
        match node:
            case ast.Compare(ops=[first, *_]) if type(first) in SWAPS:
                changed = copy.deepcopy(node)
                changed.ops[0] = SWAPS[type(first)]()  # type: ignore[assignment]
                yield node, "compare", f"({ast.unparse(changed)})"
            case ast.BinOp(op=op) | ast.BoolOp(op=op) if type(op) in SWAPS:
                changed = copy.deepcopy(node)
                changed.op = SWAPS[type(op)]()  # type: ignore[assignment]
                yield node, "operator", f"({ast.unparse(changed)})"
            case ast.AugAssign(op=op) if type(op) in SWAPS:
                changed = copy.deepcopy(node)
                changed.op = SWAPS[type(op)]()  # type: ignore[assignment]
                yield node, "operator", ast.unparse(changed)
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                yield node, "sign", f"({ast.unparse(operand)})"
            case ast.Constant(value=bool(value)):
                yield node, "constant", str(not value)
            case ast.Constant(value=int(value)):
                yield node, "constant", str(value + 1)
            case ast.Constant(value=float(value)):
                yield node, "constant", repr(2 * value or 1.0)
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield test, "condition", f"(not ({ast.unparse(test)}))"
            case ast.Expr(value=ast.Call() as call) if not _is_log(call):
                yield node, "call left out", "pass"
            case _:
                pass


def replaced(text: str, node: ast.AST, source: str) -> str:
    """`text` with `source` in place of `node`."""
    lines = text.encode().splitlines(keepends=True)
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
    before = b"".join(lines[:first]) + lines[first][: node.col_offset]  # type: ignore[attr-defined]
    after = lines[last][node.end_col_offset :] + b"".join(lines[last + 1 :])  # type: ignore[attr-defined]
    return (before + source.encode() + after).decode()


def mirrored(root: Path, path: str) -> list[str]:
    """Tests of a source file: its mirror image and those that import it; else its folder's."""
    source = Path(path)
    mirror = root / "tests" / source.parent / f"test_{source.stem}.py"
    module = ".".join(source.with_suffix("").parts).removesuffix(".__init__")
    found = [mirror] if mirror.is_file() else []
    others = (t for t in sorted((root / "tests").rglob("test_*.py")) if t != mirror)
    found += [test for test in others if "e2e" not in test.parts and _imports(test, module)]
    folder = mirror.parent
    while not found and not any(folder.glob("test_*.py")):
        folder = folder.parent
    return [str(test.relative_to(root)) for test in found or [folder]]


def _imports(test: Path, module: str) -> bool:
    text = test.read_text()
    parent, _, name = module.rpartition(".")
    return f"from {module} import" in text or f"from {parent} import {name}\n" in text


def _count(text: str) -> int:
    return sum(1 for _ in mutations(text))


def _mutant(root: Path, path: Path, index: int) -> Mutant:
    text, name = path.read_text(), str(path.relative_to(root))
    node, kind, source = next(m for i, m in enumerate(mutations(text)) if i == index)
    mutated = replaced(text, node, source)
    rows = difflib.unified_diff(text.splitlines(), mutated.splitlines(), name, name, "", "", 1, "")
    return Mutant(name, node.lineno, kind, mutated, "\n".join(rows))  # type: ignore[attr-defined]


def _is_log(call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return name in LOGS


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Below `node`, without types, decorators and what stands inside of texts."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield from _nodes(child)
