"""One version everywhere, and a changelog that says what is in it."""

import re
import tomllib
from pathlib import Path

import mbctl

HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?$", re.MULTILINE)
SECTION = re.compile(r"^### (.+)$", re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_s_newest_version_is_the_package_s(root: Path):
    headings = list(HEADING.finditer((root / "CHANGELOG.md").read_text()))
    released = [h for h in headings if h["version"] != "Unreleased"]
    assert released[0]["version"] == mbctl.__version__
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", h["date"] or "") for h in released)


def test_the_changelog_s_sections_are_the_usual_ones(root: Path):
    sections = SECTION.findall((root / "CHANGELOG.md").read_text())
    assert sections
    assert set(sections) <= KINDS


def test_the_distribution_has_the_package_s_version(root: Path):
    with (root / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["version"] == mbctl.__version__
    assert (root / project["readme"]).is_file()
