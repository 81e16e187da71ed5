"""Scenes and meshes of robots, read from an installed package or a folder.

A package is never imported (robel's asks for a gym that no longer exists) and nothing of it is
copied or written: its files are read where the installer put them.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hal.errors import AssetError

# Where the name alone is not enough for pip.
_REMEDIES = {
    "robel": "install it with: python -m pip install --no-deps robel==0.1.2 "
    "(pip 24.1 and later refuse its metadata; `make setup` brings a pip that does not)"
}


@dataclass(frozen=True, slots=True)
class AssetFolder:
    """Read-only files below `root`; paths that lead out of it are refused.

    Attributes:
        root: of all paths.
        remedy: what to do about a file that is missing or damaged.
    """

    root: Path
    remedy: str = "check the path in the robot's description"

    def read_text(self, path: str) -> str:
        """The text of `path`, relative to the root.

        Raises:
            AssetError: missing, unreadable, not UTF-8 or outside the root.
        """
        try:
            return self.read_bytes(path).decode()
        except UnicodeDecodeError as error:
            raise AssetError(
                f"{self.root / path} is not UTF-8 text: {error}; {self.remedy}",
                reason="ASSET_MALFORMED",
            ) from error

    def read_bytes(self, path: str) -> bytes:
        """The content of `path`, relative to the root.

        Raises:
            AssetError: missing, unreadable or outside the root.
        """
        file = (self.root / path).resolve()
        if not file.is_relative_to(self.root.resolve()):
            raise AssetError(
                f"asset {path!r} leads outside {self.root}", reason="ASSET_OUTSIDE_ROOT"
            )
        try:
            return file.read_bytes()
        except OSError as error:
            raise AssetError(
                f"asset {file} cannot be read: {error.strerror}; {self.remedy}"
            ) from error


def package_assets(package: str) -> AssetFolder:
    """The files of an installed top-level package.

    Raises:
        AssetError: it is not installed; the message says how to install it.
    """
    remedy = _REMEDIES.get(package, f"install it with: python -m pip install {package}")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise AssetError(f"the package {package!r} with the robot's scene is missing; {remedy}")
    return AssetFolder(Path(spec.submodule_search_locations[0]), remedy)
