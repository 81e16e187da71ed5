from pathlib import Path

import mujoco
import pytest

from hal.errors import AssetError
from sim.assets import AssetFolder
from sim.mjcf import read_mjcf

MODEL = """<!-- licence -->
<?xml version="1.0"?>
<mujoco>
  <include file="../parts/compiler.xml"/>
  <compiler meshdir="../meshes"/>
  <asset><mesh name="tetrahedron" file="t.obj"/></asset>
  <worldbody>
    <body><include file="../parts/limb.xml"/><include file="../parts/ghost.xml"/></body>
  </worldbody>
</mujoco>
"""
COMPILER = (
    '<!-- licence -->\n<?xml version="1.0"?><mujocoinclude><compiler meshdir="x"/></mujocoinclude>'
)
LIMB = '<mujocoinclude><geom type="mesh" mesh="tetrahedron"/><joint name="real"/></mujocoinclude>'
GHOST = '<mujocoinclude><body><geom size="1"/><joint name="ghost"/></body></mujocoinclude>'
OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


@pytest.fixture
def folder(tmp_path: Path) -> AssetFolder:
    files = {
        "models/model.xml": MODEL,
        "parts/compiler.xml": COMPILER,
        "parts/limb.xml": LIMB,
        "parts/ghost.xml": GHOST,
        "meshes/t.obj": OBJ,
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return AssetFolder(tmp_path)


def test_mujoco_compiles_what_comes_out(folder: AssetFolder):
    mjcf = read_mjcf(folder, "models/model.xml")
    assert "<?xml" not in mjcf.xml
    assert "include" not in mjcf.xml
    assert mjcf.files == {"meshes__t.obj": OBJ.encode()}
    assert mujoco.MjModel.from_xml_string(mjcf.xml, mjcf.files).nq == 2


def test_omitted_include_is_left_out(folder: AssetFolder):
    mjcf = read_mjcf(folder, "models/model.xml", omit=["ghost.xml"])
    assert "ghost" not in mjcf.xml
    assert mujoco.MjModel.from_xml_string(mjcf.xml, mjcf.files).nq == 1


def test_omitting_what_is_not_there_is_an_error(folder: AssetFolder):
    with pytest.raises(AssetError, match=r"does not include spirit\.xml"):
        read_mjcf(folder, "models/model.xml", omit=["spirit.xml"])


@pytest.mark.parametrize("path", ["models/model.xml", "parts/limb.xml"])
def test_broken_xml_names_the_file(folder: AssetFolder, path: str):
    (folder.root / path).write_text("<mujoco><body></mujoco>")
    with pytest.raises(AssetError, match=f"{path} is not well-formed XML") as caught:
        read_mjcf(folder, "models/model.xml")
    assert caught.value.reason == "ASSET_MALFORMED"


def test_include_without_file_names_the_model(folder: AssetFolder):
    (folder.root / "parts/limb.xml").write_text("<mujocoinclude><include/></mujocoinclude>")
    with pytest.raises(AssetError, match=r"models/model\.xml.*without a file"):
        read_mjcf(folder, "models/model.xml")


def test_includes_that_never_end_are_refused(folder: AssetFolder):
    (folder.root / "parts/limb.xml").write_text(
        '<mujocoinclude><include file="../parts/limb.xml"/></mujocoinclude>'
    )
    with pytest.raises(AssetError, match=r"limb\.xml includes itself"):
        read_mjcf(folder, "models/model.xml")


def test_missing_mesh_names_it(folder: AssetFolder):
    (folder.root / "meshes/t.obj").unlink()
    with pytest.raises(AssetError, match=r"meshes/t\.obj cannot be read"):
        read_mjcf(folder, "models/model.xml")
