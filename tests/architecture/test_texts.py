"""What every text must have and must not have."""

import ast
import re
from pathlib import Path

FOLDERS = ("home", "root", "work", "tmp", "Users")  # of one machine, not of a reader's
MACHINE_PATH = re.compile(rf"(?<![\w./*-])/(?:{'|'.join(FOLDERS)})/\w")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
QUOTED = re.compile(r"`([\w.][\w./-]*)`")  # such as `hal/clock.py` or `clock.py`
REASON = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")  # such as LEASE_LOST
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")


def test_no_text_names_a_path_of_one_machine(texts):
    found = [
        f"{source.name}:{number}: {line.strip()}"
        for source in texts
        for number, line in enumerate(source.text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found


def test_a_machine_path_would_be_found():
    for folder in FOLDERS:
        assert MACHINE_PATH.search(f"in /{folder}/me")
    assert not MACHINE_PATH.search("docs/tmp/x and https://example.org/home/x")


def test_every_public_module_says_why_it_exists(package_sources):
    silent = [s.name for s in package_sources if not ast.get_docstring(s.tree)]
    assert not silent


def test_nothing_is_left_for_later(texts):
    here = "tests/architecture/test_texts.py"
    assert not [s.name for s in texts if s.name != here and UNFINISHED.search(s.text)]


def test_links_between_documents_lead_somewhere(root: Path, texts):
    broken = [
        f"{source.name}: {link}"
        for source in texts
        if source.name.endswith(".md")
        for link in LINK.findall(source.text)
        if "://" not in link and not ((root / source.name).parent / link).exists()
    ]
    assert not broken


def is_ours(name: str, packages: tuple[str, ...]) -> bool:
    """Whether a quoted word reads as a file or folder of this repository."""
    return name.startswith(tuple(f"{package}/" for package in packages)) or (
        name.endswith(".py") and not name.startswith("lab/")  # a reader's own package
    )


def exists_seen_from(document: Path, name: str, root: Path) -> bool:
    """Whether there is such a file in the folder of a document, or in one that holds it."""
    folders = [folder for folder in document.parents if folder.is_relative_to(root)]
    return any((folder / name).exists() for folder in folders)


def test_files_that_documents_name_are_there(root: Path, texts):
    tops = ("hal", "mbctl", "services", "sim", "protos", "tests", "docs")
    named = [
        (f"{source.name}:{number}: {name}", exists_seen_from(root / source.name, name, root))
        for source in texts
        if source.name.endswith(".md") and source.name != "CHANGELOG.md"  # tells of the past
        for number, line in enumerate(source.text.splitlines(), 1)
        for name in QUOTED.findall(line)
        if is_ours(name, tops)
    ]
    assert len(named) > 200
    assert not [where for where, exists in named if not exists]


def test_a_file_that_is_gone_would_be_found(root: Path):
    readme = root / "hal" / "dynamixel" / "README.md"
    assert exists_seen_from(readme, "robots/dclaw.py", root)
    assert not exists_seen_from(readme, "dclaw.py", root)
    assert is_ours("hal/robots", ("hal",))
    assert is_ours("gone.py", ("hal",))
    assert not is_ours("trainer/trainer.db", ("hal",))


def test_reasons_in_documents_are_reasons_in_the_code(texts):
    code = {r for s in texts if not s.name.endswith(".md") for r in REASON.findall(s.text)}
    told = {r: s.name for s in texts if s.name.endswith(".md") for r in REASON.findall(s.text)}
    assert len(told) > 30
    assert not {reason: name for reason, name in told.items() if reason not in code}
