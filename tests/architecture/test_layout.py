"""Where things lie: a README in each package, a mirrored test folder, data in the wheel."""

import fnmatch
import tomllib
from pathlib import Path

# Folders whose tests lie elsewhere, and where.
TESTED_AT = {
    "mbctl/configs": "tests/mbctl/config/test_load.py",
    "protos": "tests/architecture/test_protos_fresh.py",
    "services/controller/servicers": "tests/services/controller/test_service.py",
}
# Test folders that mirror no package.
TOPICS = tuple(
    f"tests/{name}"
    for name in ("architecture", "conformance", "e2e", "faults", "mutation", "oracle")
)


def test_every_package_has_a_readme(root: Path, package_folders: list[str]):
    missing = [f for f in (*package_folders, "tests") if not (root / f / "README.md").is_file()]
    assert not missing


def test_every_package_has_its_tests(root: Path, package_folders: list[str]):
    missing = []
    for folder in package_folders:
        tests = root / TESTED_AT.get(folder, f"tests/{folder}")
        found = list(tests.glob("test_*.py")) if tests.is_dir() else [tests]
        nested = any(f.startswith(f"{folder}/") for f in package_folders)
        if not (nested and tests.is_dir()) and not any(p.is_file() for p in found):
            missing.append(folder)
    assert not missing


def test_every_test_folder_mirrors_a_package(root: Path):
    """Those that hold tests or the like; one with nothing but data belongs to its neighbours."""
    names = sorted({str(p.parent.relative_to(root)) for p in (root / "tests").rglob("*.py")})
    assert len(names) > 30
    names.remove("tests")
    astray = [
        name
        for name in names
        if not name.startswith(TOPICS) and not (root / name.removeprefix("tests/")).is_dir()
    ]
    assert not astray


def test_test_folders_are_no_packages(root: Path):
    """One __init__.py and importmode=importlib would see two modules of one name."""
    assert not list((root / "tests").rglob("__init__.py"))


def test_the_wheel_has_all_data(root: Path, package_folders: list[str]):
    with (root / "pyproject.toml").open("rb") as file:
        setuptools = tomllib.load(file)["tool"]["setuptools"]
    patterns = setuptools["package-data"]["*"]
    included = setuptools["packages"]["find"]["include"]
    for folder in package_folders:
        package = folder.replace("/", ".")
        assert any(fnmatch.fnmatch(package, pattern) for pattern in included), package
    files = [p.name for f in package_folders for p in (root / f).iterdir() if p.is_file()]
    data = [n for n in files if not n.endswith((".py", ".pyc", ".md"))]
    assert not [n for n in data if not any(fnmatch.fnmatch(n, p) for p in patterns)]
    unused = [p for p in patterns if not any(fnmatch.fnmatch(n, p) for n in data)]
    assert not unused
