"""Compile the .proto files beside this module; `python -m protos.generate [OUTPUT_DIR]`."""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Of mypy-protobuf, which is installed beside this interpreter; types of stubs and servicers.
PLUGIN = Path(sys.executable).parent / "protoc-gen-mypy_grpc"


def generate(output: Path) -> None:
    """Write *_pb2.py and *_pb2_grpc.py, each with its .pyi, below `output`/protos.

    Raises:
        RuntimeError: protoc refused a file; its message is on stderr.
    """
    from grpc_tools import protoc

    tools = importlib.util.find_spec("grpc_tools")
    longrunning = importlib.util.find_spec("google.longrunning")
    if tools is None or tools.origin is None or longrunning is None:
        raise RuntimeError("grpcio-tools and googleapis-common-protos must be installed")
    longrunning_dir = Path(next(iter(longrunning.submodule_search_locations or [])))
    files = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "protos").glob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        # The package ships the file as operations_proto.proto but registers it as operations.proto.
        target = Path(scratch) / "google" / "longrunning" / "operations.proto"
        target.parent.mkdir(parents=True)
        shutil.copy(longrunning_dir / "operations_proto.proto", target)
        arguments = [
            "protoc",
            f"-I{ROOT}",
            f"-I{scratch}",
            f"-I{Path(tools.origin).parent / '_proto'}",
            f"-I{longrunning_dir.parent.parent}",
            f"--python_out={output}",
            f"--pyi_out={output}",
            f"--grpc_python_out={output}",
            f"--plugin={PLUGIN}",
            f"--mypy_grpc_out=quiet:{output}",
            *files,
        ]
        if protoc.main(arguments) != 0:
            raise RuntimeError(f"protoc failed on {files}")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
