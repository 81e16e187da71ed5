"""One MJCF tree and its files in memory, from a description scattered over included files.

robel's files carry their XML declaration behind a licence comment, which no MuJoCo release
accepts, and refer to each other by relative paths. Both are settled here, in memory: includes are
expanded, and every mesh and texture gets a flat name under which its bytes are handed to MuJoCo.
"""

import posixpath
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection
from dataclasses import dataclass

from hal.errors import AssetError
from sim.assets import AssetFolder

_DECLARATION = re.compile(r"<\?xml[^>]*\?>")
_FILE_FOLDERS = {"mesh": "meshdir", "texture": "texturedir"}


@dataclass(frozen=True, slots=True)
class Mjcf:
    """A self-contained model description.

    Attributes:
        xml: without includes or folders.
        files: bytes of each file that `xml` names.
    """

    xml: str
    files: dict[str, bytes]


def read_mjcf(folder: AssetFolder, path: str, omit: Collection[str] = ()) -> Mjcf:
    """Read the model at `path`, leaving out includes whose file name is in `omit`.

    Raises:
        AssetError: a file is missing or malformed, or one of `omit` is not included at all.
    """
    root = _parse(folder, path)
    base = posixpath.dirname(path)
    omitted: set[str] = set()
    _expand_includes(root, folder, base, frozenset(omit), omitted)
    if unused := set(omit) - omitted:
        raise AssetError(
            f"{path} does not include {', '.join(sorted(unused))}, which was to be left out",
            reason="ASSET_MALFORMED",
        )
    files = _gather_files(root, folder, base)
    return Mjcf(ElementTree.tostring(root, encoding="unicode"), files)


def _parse(folder: AssetFolder, path: str) -> ElementTree.Element:
    text = _DECLARATION.sub("", folder.read_text(path))
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise AssetError(
            f"{folder.root / path} is not well-formed XML: {error}", reason="ASSET_MALFORMED"
        ) from error


def _expand_includes(
    element: ElementTree.Element,
    folder: AssetFolder,
    base: str,
    omit: frozenset[str],
    omitted: set[str],
) -> None:
    """Replace each include below `element`; MuJoCo resolves all of them from the top file."""
    children: list[ElementTree.Element] = []
    for child in element:
        if child.tag != "include":
            _expand_includes(child, folder, base, omit, omitted)
            children.append(child)
            continue
        file = child.attrib["file"]
        if posixpath.basename(file) in omit:
            omitted.add(posixpath.basename(file))
            continue
        included = _parse(folder, posixpath.normpath(posixpath.join(base, file)))
        _expand_includes(included, folder, base, omit, omitted)
        children.extend(included)
    element[:] = children


def _gather_files(root: ElementTree.Element, folder: AssetFolder, base: str) -> dict[str, bytes]:
    """Read every mesh and texture and rename it to its flat name, in place."""
    directories = _pop_directories(root)
    files: dict[str, bytes] = {}
    for tag, attribute in _FILE_FOLDERS.items():
        for element in root.iter(tag):
            file = element.get("file")
            if file is None:
                continue
            path = posixpath.normpath(posixpath.join(base, directories.get(attribute, ""), file))
            name = path.replace("/", "__")
            element.set("file", name)
            if name not in files:
                files[name] = folder.read_bytes(path)
    return files


def _pop_directories(root: ElementTree.Element) -> dict[str, str]:
    """Remove the compiler's folders; as in MuJoCo, the last one given counts."""
    directories: dict[str, str] = {}
    for compiler in root.iter("compiler"):
        for attribute in _FILE_FOLDERS.values():
            if (value := compiler.attrib.pop(attribute, None)) is not None:
                directories[attribute] = value
    return directories
