"""What every text must have and must not have."""

import ast
import re
from pathlib import Path

FOLDERS = ("home", "root", "work", "tmp", "Users")  # of one machine, not of a reader's
MACHINE_PATH = re.compile(rf"(?<![\w./*-])/(?:{'|'.join(FOLDERS)})/\w")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
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


def test_reasons_in_documents_are_reasons_in_the_code(texts):
    code = {r for s in texts if not s.name.endswith(".md") for r in REASON.findall(s.text)}
    told = {r: s.name for s in texts if s.name.endswith(".md") for r in REASON.findall(s.text)}
    assert len(told) > 30
    assert not {reason: name for reason, name in told.items() if reason not in code}
