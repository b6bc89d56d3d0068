"""Data flows one way: a module imports only from those above it."""

import ast
from pathlib import Path

import pytest

# From the first that may be imported by all to the last that imports all. A folder
# stands for the modules in it that are not listed themselves.
ORDER = (
    "errors",
    "startup",
    "cli",
    "types",
    "depth_edges",
    "bins",
    "metrics",
    "models.recompute",
    "models.products",
    "models.winograd",
    "models.convolution",
    "models.pooling",
    "models.layers",
    "models.resnet",
    "models.deeplab",
    "models.input_convention",
    "heads",
    "losses",
    "upsampled",
    "objective",
    "optimizer",
    "crf",
    "defaults",
    "config",
    "camera",
    "datasets",
    "datasets.kitti",
    "datasets.pairs",
    "datasets.streets",
    "datasets.synthia",
    "datasets.registry",
    "augment",
    "input_pipeline",
    "models",
    "uncertainty",
    "uncertainty_plots",
    "windows",
    "views",
    "belief",
    "inference",
    "state",
    "steps",
    "parallel",
    "size_classes",
    "preemption",
    "processes",
    "compiled",
    "build",
    "progress",
    "checkpoint_folder",
    "checkpoints",
    "writers",
    "workdir",
    "batching",
    "baseline",
    "colors",
    "visualize",
    "restore",
    "portable",
    "calibrate",
    "regions",
    "protocol",
    "image_table",
    "published",
    "report",
    "evaluate",
    "evaluate_files",
    "train",
    "convert",
    "data_report",
    "check_data",
    "video",
    "media",
    "pointcloud",
    "outputs",
    "predictor",
    "predict_files",
    "predict_inputs",
    "predict",
    "demo.photos",
    "demo.answers",
    "demo.drawings",
    "demo.page",
    "demo",
    "export_files",
    "export",
    "main",
)
MAY_IMPORT_TENSORFLOW = ("datasets", "augment", "input_pipeline", "writers", "main")

MODULES = sorted(
    str(path.relative_to("deepdepth_jax").with_suffix("")).replace("/", ".")
    for path in Path("deepdepth_jax").rglob("*.py")
    if path.name != "__init__.py"
)


def place(module):
    """Gives the entry of ORDER that a module belongs to."""
    folder = module
    while folder and folder not in ORDER:
        folder, _, _ = folder.rpartition(".")
    assert folder, f"{module} has no place in ORDER"
    return ORDER.index(folder)


def imports(module):
    path = Path("deepdepth_jax", *module.split(".")).with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(name):
    """Gives the module of this package that an imported name is, or None."""
    name = name.removeprefix("deepdepth_jax.")
    return name if name in MODULES else None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_above(module):
    for name in imports(module):
        if own(name):
            assert place(own(name)) <= place(module), f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_tensorflow_stays_where_data_is_read(module):
    uses = any(
        name.split(".")[0] in ("tensorflow", "tensorflow_datasets")
        for name in imports(module)
    )
    assert not uses or module.startswith(MAY_IMPORT_TENSORFLOW)


@pytest.mark.parametrize("module", MODULES)
def test_torch_is_never_needed_to_start(module):
    path = Path("deepdepth_jax", *module.split(".")).with_suffix(".py")
    for node in ast.parse(path.read_text()).body:
        assert "torch" not in ast.unparse(node).splitlines()[0].split()
