"""The exported file in OpenVINO: exact if asked for float32, and as it comes."""

import functools

import numpy as np
import openvino
import pytest
from exported_networks import pipeline, random_images, trained

from deepdepth_jax.export.onnx_model import onnx_model
from deepdepth_jax.export.parity import compare, references
from deepdepth_jax.types import OUTPUTS

SIZE = (1, 96, 320)


@functools.cache
def exported(decode, head="classification"):
    of = pipeline(decode=decode, head=head, width=16)
    variables = trained(of, temperature=1.7)
    return of, variables, onnx_model(of, variables, {}).SerializeToString()


def loaded(model, **options):
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", options)

    def run(image):
        # An output has two names: findings/openvino_names_outputs_twice.sh
        named = ((set(OUTPUTS) & out.names, x) for out, x in compiled(image).items())
        return {names.pop(): np.array(values) for names, values in named}

    return run


@pytest.mark.parametrize("head", ["classification", "ordinal", "regression"])
@pytest.mark.parametrize("decode", ["expectation", "median"])
def test_asked_for_float32_it_says_what_the_network_says(decode, head):
    of, variables, model = exported(decode, head)
    run = loaded(model, INFERENCE_PRECISION_HINT="f32")
    compare(run, references(of, variables))


def test_as_it_comes_it_is_near():
    """On a CPU with bfloat16 it takes that, else float32. docs/export.md says so."""
    _, _, model = exported("expectation")
    image = random_images(*SIZE)
    exact = loaded(model, INFERENCE_PRECISION_HINT="f32")(image)
    found = loaded(model)(image)
    takes_bfloat16 = "BF16" in openvino.Core().get_property(
        "CPU", "OPTIMIZATION_CAPABILITIES"
    )
    off = {name: np.abs(found[name] / exact[name] - 1) for name in exact}
    print({name: (float(np.median(x)), float(x.max())) for name, x in off.items()})
    assert np.median(off["depth_m"]) < 0.02
    assert np.median(off["confidence"]) < 0.05
    assert (off["depth_m"].max() > 1e-4) == takes_bfloat16
