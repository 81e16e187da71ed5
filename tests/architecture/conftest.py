"""What the architecture tests read: the files of this checkout."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mbctl", "hal", "sim", "services", "protos")
TEXT_SUFFIXES = (".py", ".md", ".toml", ".proto", ".txt", ".csv")
TOP_LEVEL = ("Makefile", ".ci/run", ".gitignore")


@dataclass(frozen=True)
class Source:
    """A text file of the repository, `name` relative to its root."""

    name: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.name).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def is_generated(self) -> bool:
        return self.name.startswith("protos/") and "_pb2" in self.name

    @property
    def is_python(self) -> bool:
        return self.name.endswith(".py")


def _below(folder: str) -> list[Source]:
    paths = sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in TEXT_SUFFIXES)
    return [Source(str(p.relative_to(ROOT))) for p in paths if "__pycache__" not in p.parts]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def texts() -> list[Source]:
    """Every text file that we wrote: packages, tests, docs, and what lies at the top level."""
    top = [p.name for p in sorted(ROOT.glob("*")) if p.suffix in TEXT_SUFFIXES and p.is_file()]
    found = [Source(name) for name in (*TOP_LEVEL, *top)]
    for folder in (*PACKAGES, "tests", "docs"):
        found += _below(folder)
    return [source for source in found if not source.is_generated]


@pytest.fixture(scope="session")
def package_sources(texts: list[Source]) -> list[Source]:
    """The Python modules that we wrote, tests left out."""
    return [s for s in texts if s.is_python and s.name.split("/")[0] in PACKAGES]


@pytest.fixture(scope="session")
def package_folders() -> list[str]:
    """Every folder below the packages, relative to the root."""
    found = [ROOT / name for name in PACKAGES]
    for name in PACKAGES:
        found += [p for p in sorted((ROOT / name).rglob("*")) if p.is_dir()]
    return [str(p.relative_to(ROOT)) for p in found if "__pycache__" not in p.parts]
