"""Nothing that is read can run code: no pickle, no eval, nothing that hides one of them."""

import ast

import pytest

MODULES = (
    "pickle",
    "cPickle",
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "multiprocessing",  # its queues and pipes pickle
    "shelve",
)
BUILTINS = ("eval", "exec", "compile", "__import__")
METHODS = (
    "torch.load",
    "torch.save",
    "torch.jit.load",
    "torch.hub.load",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "numpy.load",
    "np.load",
    "numpy.save",
    "np.save",
    "os.system",
    "os.popen",
)


def unsafe(tree: ast.Module) -> list[str]:
    """What `tree` does that could run somebody else's code, with line numbers."""
    found = [(node, name) for node in ast.walk(tree) for name in _names(node)]
    return [f"line {getattr(node, 'lineno', 0)}: {name}" for node, name in found]


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [a.name for a in node.names if a.name.split(".")[0] in MODULES]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        module = node.module or ""
        full = [f"{module}.{a.name}" for a in node.names]
        return [n for n in full if n.split(".")[0] in MODULES or n in METHODS]
    if isinstance(node, ast.Call):
        return _called(node)
    return []


def _called(node: ast.Call) -> list[str]:
    name = ast.unparse(node.func)
    shell = any(k.arg == "shell" and ast.unparse(k.value) != "False" for k in node.keywords)
    hidden = [f"{name}(shell)"] if shell else []
    return [name, *hidden] if name in (*BUILTINS, *METHODS) else hidden


def test_no_source_loads_code(package_sources):
    found = {s.name: unsafe(s.tree) for s in package_sources}
    assert not {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "import multiprocessing.connection",
        "from joblib import load",
        "from torch import load",
        "torch.load(path)",
        "eval(text)",
        "exec(text)",
        "yaml.load(text)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(line, shell=True)",
    ],
)
def test_a_planted_one_is_found(line: str):
    assert unsafe(ast.parse(line))


@pytest.mark.parametrize("line", ["model.eval()", "re.compile(text)", "json.loads(text)"])
def test_a_harmless_one_is_not(line: str):
    assert not unsafe(ast.parse(line))
