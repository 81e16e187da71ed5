from pathlib import Path

import pytest

from hal.errors import AssetError
from sim.assets import AssetFolder, package_assets


def test_finds_the_installed_distribution_without_importing_it():
    import sys

    folder = package_assets("robel")
    assert "dclaw3xh_valve3" in folder.read_text("dclaw/assets/dclaw3xh_valve3_v0.xml")
    assert "robel" not in sys.modules


@pytest.mark.parametrize("package", ["robel_is_not_here", "this"])
def test_missing_distribution_names_the_remedy(package: str):
    with pytest.raises(AssetError, match=f"pip install {package}") as caught:
        package_assets(package)
    assert caught.value.reason == "ASSET_MISSING"
    assert repr(package) in str(caught.value)


def test_the_distribution_that_pip_refuses_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("sim.assets.find_spec", lambda _package: None)
    with pytest.raises(AssetError, match=r"'robel'.*pip install --no-deps robel==0\.1\.2"):
        package_assets("robel")


def test_missing_file_names_it_and_the_remedy(tmp_path: Path):
    with pytest.raises(AssetError, match=r"claw\.xml cannot be read: No such file.*install it"):
        package_assets("robel").read_text("claw.xml")
    with pytest.raises(AssetError, match=r"claw\.xml cannot be read: No such file.*check the path"):
        AssetFolder(tmp_path).read_text("claw.xml")


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../secret"])
def test_paths_out_of_the_folder_are_refused(tmp_path: Path, path: str):
    (tmp_path / "secret").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(AssetError) as caught:
        AssetFolder(root).read_bytes(path)
    assert caught.value.reason == "ASSET_OUTSIDE_ROOT"


def test_link_out_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "secret").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(AssetError, match="outside"):
        AssetFolder(root).read_text("link")


def test_binary_where_text_belongs_is_refused(tmp_path: Path):
    (tmp_path / "claw.xml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AssetError, match="not UTF-8") as caught:
        AssetFolder(tmp_path).read_text("claw.xml")
    assert caught.value.reason == "ASSET_MALFORMED"
