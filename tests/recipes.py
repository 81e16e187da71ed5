"""The recipes of docs/extending.md and extending-daemons.md as files, and packages made of them."""

import re
from pathlib import Path

RECIPES = Path(__file__).parents[1] / "docs" / "extending.md"
PAGES = (RECIPES, RECIPES.with_name("extending-daemons.md"))
PROJECT = "pyproject.toml"
_BLOCK = re.compile(r"^```(?:python|toml|xml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GROUP = re.compile(r'^\[project\.entry-points\."(.*)"\]\n', re.MULTILINE)


def recipe(title: str) -> dict[str, str]:
    """The files that the section `title` shows, by the path that stands before each of them.

    The part of `pyproject.toml` is among them, as PROJECT.
    """
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"{' and '.join(page.name for page in PAGES)} have no section {title!r}"
    section = rest.partition("\n## ")[0]
    files: dict[str, str] = {}
    for block in _BLOCK.finditer(section):
        above = section[: block.start()].rstrip().rpartition("\n\n")[2]
        name = PROJECT if block[1].startswith("[") and "project" in block[1] else ""
        if name := name or (re.findall(r"`(lab/[\w/.]+)`", above) or [""])[-1]:
            files[name] = files.get(name, "") + block[1]
    return files


def recipes(*titles: str) -> dict[str, str]:
    """The files of several sections; their entry points of one group stand in one table."""
    files: dict[str, str] = {}
    groups: dict[str, str] = {}
    for title in titles:
        found = recipe(title)
        _, *parts = _GROUP.split(found.pop(PROJECT, ""))
        for group, points in zip(parts[::2], parts[1::2], strict=True):
            groups[group] = groups.get(group, "") + points
        files |= found
    tables = (f'[project.entry-points."{group}"]\n{points}' for group, points in groups.items())
    return {**files, PROJECT: "\n".join(tables)}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write `files` below `folder`, which is returned."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def install(site: Path, files: dict[str, str]) -> Path:
    """Write `files` to `site` as pip would install them, without the time that pip takes."""
    points = _GROUP.sub(r"[\1]\n", files[PROJECT]).replace('"', "")
    code = {name: text for name, text in files.items() if name != PROJECT}
    metadata = "Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n"
    return write(
        site,
        {
            **code,
            "lab-1.0.dist-info/METADATA": metadata,
            "lab-1.0.dist-info/entry_points.txt": points,
        },
    )
