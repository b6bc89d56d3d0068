"""Commands answer at once: what takes long to import waits for the arguments."""

import re
import subprocess
import sys

import pytest

from deepdepth_jax import convert
from deepdepth_jax.errors import UserError
from deepdepth_jax.export import __main__ as export
from deepdepth_jax.export.files import WRITERS
from deepdepth_jax.inference.layout import LARGEST_WHOLE_PX, WINDOW
from deepdepth_jax.main import main as train
from deepdepth_jax.predict import __main__ as predict
from deepdepth_jax.types import OUTPUTS
from deepdepth_jax.weights.naming_schemes import SOURCES

COMMANDS = (
    "main",
    "adapt",
    "predict",
    "export",
    "convert",
    "check_data",
    "demo",
    "datasets.streets.export",
)
HEAVY = "jax flax numpy matplotlib gradio tensorflow tensorflow_datasets"


def run_python(program, *arguments):
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("deepdepth_jax", [])]
    + [(f"deepdepth_jax.{name}", ["--help"]) for name in COMMANDS]
    + [("deepdepth_jax.main", ["--help", "config"])],
)
def test_help_imports_nothing_heavy(module, arguments):
    program = f"""
import atexit, runpy, sys
heavy = set("{HEAVY}".split())
atexit.register(lambda: print("imported:", *sorted(heavy & set(sys.modules))))
if sys.argv[1:]:
    runpy.run_module("{module}", run_name="__main__")
else:
    __import__("{module}")
"""
    out = run_python(program, *arguments)
    assert out.endswith("imported:\n")
    asked_for_a_field = arguments[1:] == ["config"]
    assert ("train.learning_rate = 0.00025" in out) == asked_for_a_field
    assert ("usage: python -m " + module in out) == (arguments == ["--help"])


def test_importing_the_renderer_does_not_start_jax():
    """Several processes must join before JAX is asked for its devices."""
    program = """
import deepdepth_jax.datasets.streets.render
from jax._src import xla_bridge
print(xla_bridge.backends_are_initialized())
"""
    assert run_python(program) == "False\n"


def test_choices_are_all_there_are():
    """They are written out, as what knows them takes long to import."""
    assert set(export.FORMATS) == set(WRITERS)
    assert export.OUTPUTS == OUTPUTS
    assert set(convert.KINDS) == set(SOURCES)


def test_the_help_of_predict_names_the_window(capsys):
    with pytest.raises(SystemExit):
        predict.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    height, width = WINDOW
    assert f"else {height}x{width} above {LARGEST_WHOLE_PX / 1e6:g} megapixels" in said


def test_help_names_the_command_and_each_default_once():
    program = """
import runpy, sys
sys.argv[0] = "/somewhere/deepdepth"
runpy.run_module("deepdepth_jax", run_name="__main__")
"""
    said = " ".join(run_python(program, "predict", "--help").split())
    assert said.startswith("usage: deepdepth predict ")
    assert "(default: None)" not in said
    assert not re.search(r"\(default[^()]*\)\.? \(default", said)


@pytest.mark.parametrize(
    ("main", "option", "meant"),
    [
        (predict.main, "--focal-px=700", "--focal_px"),
        (predict.main, "--inputs=a", "--input"),
        (train, "--confg=a", "--config"),
        (train, "--learning_rate=1", "--config.train.learning_rate"),
        (export.main, "--formats=onnx", "--format"),
        (convert.main, "--outputs=a", "--output"),
    ],
)
def test_an_unknown_option_names_the_nearest(main, option, meant):
    name = option.partition("=")[0]
    with pytest.raises(UserError, match=rf"option {name}; did you mean {meant}\?"):
        main([option])


def test_an_option_like_no_other_is_refused_alone():
    with pytest.raises(UserError, match=r"unknown option --xyzzy \(see"):
        predict.main(["--xyzzy"])


def test_pixels_are_no_35_mm_equivalent():
    with pytest.raises(UserError, match=r"--focal_mm35: .* give pixels"):
        predict.main(["--input=a", "--output=b", "--focal_mm35=1450"])


def test_predicting_imports_nothing_that_trains():
    program = """
import sys
import deepdepth_jax.inference.predictor
print(*(name for name in sys.modules if name.startswith("deepdepth_jax.")))
print("tensorflow" in sys.modules)
"""
    ours, has_tensorflow = run_python(program).splitlines()
    rooms = {name.split(".")[1] for name in ours.split()}
    assert not rooms & {"drawing", "evaluation", "training", "weights"}
    of_datasets = {name.split(".")[-1] for name in ours.split() if ".datasets." in name}
    assert of_datasets == {"exif", "files", "images", "orientation"}
    assert "deepdepth_jax.inference.crf.mean_field" not in ours.split()
    assert has_tensorflow == "False"
