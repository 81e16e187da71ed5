"""One MJCF tree and its files in memory, from a description scattered over included files.

robel's files carry their XML declaration behind a licence comment, which no MuJoCo release
accepts, and refer to each other by relative paths. Both are settled here, in memory: includes are
expanded, and every mesh and texture gets a flat name under which its bytes are handed to MuJoCo.
"""

import posixpath
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Iterable
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
    includes = _Includes(folder, path, frozenset(omit))
    root = includes.expand_file(path, ())
    if unused := set(omit) - includes.omitted:
        raise AssetError(
            f"{path} does not include {', '.join(sorted(unused))}, which was to be left out",
            reason="ASSET_MALFORMED",
        )
    files = _gather_files(root, folder, posixpath.dirname(path))
    return Mjcf(ElementTree.tostring(root, encoding="unicode"), files)


class _Includes:
    """Expands the includes of one model; MuJoCo resolves all of them from the top file's folder."""

    def __init__(self, folder: AssetFolder, model: str, omit: frozenset[str]) -> None:
        self._folder = folder
        self._model = model
        self._omit = omit
        self.omitted: set[str] = set()

    def expand_file(self, path: str, including: tuple[str, ...]) -> ElementTree.Element:
        if path in including:
            raise self._malformed(f"{path} includes itself")
        root = _parse(self._folder, path)
        self._expand(root, (*including, path))
        return root

    def _expand(self, element: ElementTree.Element, including: tuple[str, ...]) -> None:
        children: list[ElementTree.Element] = []
        for child in element:
            if child.tag == "include":
                children.extend(self._included(child, including))
            else:
                self._expand(child, including)
                children.append(child)
        element[:] = children

    def _included(
        self, include: ElementTree.Element, including: tuple[str, ...]
    ) -> Iterable[ElementTree.Element]:
        file = include.get("file")
        if file is None:
            raise self._malformed(f"{including[-1]} has an include without a file")
        name = posixpath.basename(file)
        if name in self._omit:
            self.omitted.add(name)
            return ()
        base = posixpath.dirname(self._model)
        return self.expand_file(posixpath.normpath(posixpath.join(base, file)), including)

    def _malformed(self, what: str) -> AssetError:
        return AssetError(f"model {self._model}: {what}", reason="ASSET_MALFORMED")


def _parse(folder: AssetFolder, path: str) -> ElementTree.Element:
    text = _DECLARATION.sub("", folder.read_text(path))
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise AssetError(
            f"{folder.root / path} is not well-formed XML: {error}", reason="ASSET_MALFORMED"
        ) from error


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
