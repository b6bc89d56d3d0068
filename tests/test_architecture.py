"""Data flows one way: a room imports only from rooms on the levels below it."""

import ast
import functools
from pathlib import Path

import pytest

from deepdepth_jax.inference import depth_runner
from deepdepth_jax.runtime.stored_programs import package_sources
from deepdepth_jax.training import kept_step

PACKAGE = Path("deepdepth_jax")

# A room is a module at the top of the package, or a folder. From the ground up: a room
# may import those on the levels below its own, and its own modules.
LEVELS = (
    {"errors", "types"},
    {"bins", "config", "geometry", "metrics"},
    {"losses", "runtime"},
    {"datasets", "drawing", "models", "uncertainty"},
    {"inference"},
    {"weights"},
    {"check_data", "convert", "evaluation", "export", "predict"},
    {"demo", "training"},
    {"__main__", "adapt", "main"},
)
MOST_MODULES_AT_THE_TOP = 12
MOST_ARROWS = 130

TENSORFLOW = {"datasets", "training"}
"""The rooms that may import TensorFlow."""


def modules():
    return sorted(
        path.with_suffix("").as_posix().replace("/", ".")
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "__init__.py"
    )


def room(module):
    return module.split(".")[1]


LEVEL = {name: index for index, names in enumerate(LEVELS) for name in names}
MODULES = modules()


def imports(module):
    """Yields the names that a module imports, anywhere in it."""
    path = Path(*module.split(".")).with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module):
    """Yields the modules of this package among them."""
    known = {name.removesuffix(".__init__") for name in MODULES}
    yield from (name for name in imports(module) if name in known)


@functools.cache
def arrows():
    pairs = {(room(m), room(other)) for m in MODULES for other in own_imports(m)}
    return {(a, b) for a, b in pairs if a != b}


def test_every_room_has_a_level():
    assert {room(module) for module in MODULES} == set(LEVEL)


@pytest.mark.parametrize("source", sorted(LEVEL))
def test_a_room_imports_only_from_below(source):
    upward = [b for a, b in arrows() if a == source and LEVEL[b] >= LEVEL[a]]
    assert not upward, f"{source} imports {upward}"


def test_the_house_is_small():
    at_the_top = list(PACKAGE.glob("*.py"))
    assert len(at_the_top) <= MOST_MODULES_AT_THE_TOP
    assert len(arrows()) <= MOST_ARROWS


def test_every_folder_tells_what_lives_there():
    for path in PACKAGE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), path


@pytest.mark.parametrize("module", MODULES)
def test_tensorflow_stays_where_data_is_read(module):
    uses = any(
        name.split(".")[0] in ("tensorflow", "tensorflow_datasets")
        for name in imports(module)
    )
    assert not uses or room(module) in TENSORFLOW


BASE = (
    "check_data.__main__",
    "convert",
    "datasets.streets.export",
    "demo.__main__",
    "demo.server",
    "export.__main__",
    "predict.__main__",
)
"""Commands that an installation without the extra `train` runs."""
TRAINING = {"array_record", "tensorboard", "tensorflow", "tensorflow_datasets"}


@pytest.mark.parametrize("command", BASE)
def test_nothing_of_the_base_leads_to_tensorflow(command):
    """Wherever an import stands, in any module that the command may reach."""
    reached, waiting = set(), [f"deepdepth_jax.{command}"]
    while waiting:
        module = waiting.pop()
        if module not in MODULES:
            module += ".__init__"
        if module in reached:
            continue
        reached.add(module)
        packages = {name.split(".")[0] for name in imports(module)}
        assert not packages & TRAINING, module
        waiting += own_imports(module)
    assert len(reached) > 20


@pytest.mark.parametrize("module", MODULES)
def test_torch_is_never_needed_to_start(module):
    path = Path(*module.split(".")).with_suffix(".py")
    for node in ast.parse(path.read_text()).body:
        assert "torch" not in ast.unparse(node).splitlines()[0].split()


@pytest.mark.parametrize(
    ("starts", "sources"),
    [
        (("inference.runner", "inference.crf"), depth_runner.SOURCES),
        (("training.kept_step",), kept_step.SOURCES),
    ],
)
def test_kept_programs_are_known_by_all_of_their_code(starts, sources):
    """Of every module that the network and its steps consist of."""
    reached, waiting = set(), [f"deepdepth_jax.{x}" for x in starts]
    while waiting:
        module = waiting.pop()
        if module not in MODULES:
            module += ".__init__"
        if module not in reached:
            reached.add(module)
            waiting += own_imports(module)
    paths = [
        Path(*module.split(".")).with_suffix(".py").resolve() for module in reached
    ]
    known = package_sources(sources)
    for path in paths:
        assert any(path.is_relative_to(source) for source in known), path
