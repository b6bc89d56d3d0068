"""The text of GPU programs, read without a GPU or its compiler."""

from pathlib import Path

import pytest

from benchmarks.gpu_program.__main__ import _parser, choices, describe_kinds, named
from benchmarks.gpu_program.chips import CHIPS
from benchmarks.gpu_program.reading import summarise

# Shortened from a step that XLA compiled for two H100s: a convolution with a ReLU, a
# loop over rows, and an all-reduce of the gradients in two buckets.
PROGRAM = Path(__file__).with_name("step_of_two_gpus.hlo").read_text()


def test_kernels_and_their_bytes_are_counted_loops_included():
    summary = summarise(PROGRAM)
    assert summary.counts == {
        "cudnn-conv": 1,
        "loop_maximum_fusion": 2,
        "gemm_fusion_dot": 4,
        "loop_add_fusion": 4,
        "all-reduce-start": 2,
        "cudnn-conv-bw-filter": 1,
    }
    assert summary.kernels == 14
    assert summary.written == {
        "cudnn-conv": 4 * 2 * 8 * 8 * 16 + 7,
        "loop_maximum_fusion": 4 * 2 * 8 * 8 * 16 + 2 * 10,
        "gemm_fusion_dot": 4 * 4 * 32 * 16,
        "all-reduce-start": 4 * 1408 + 4 * 11,
        "cudnn-conv-bw-filter": 4 * 16 * 9 * 8,
        "loop_add_fusion": 4 * 4,
    }
    assert list(summary.written.values()) == sorted(summary.written.values())[::-1]


def test_calls_of_libraries_and_the_length_of_all_reduces_are_found():
    summary = summarise(PROGRAM)
    assert summary.library == {
        "cudnn$convForward": 1,
        "cudnn$convBackwardFilter": 1,
    }
    assert summary.between == [2, 0]
    assert summary.median_between == 1
    assert "calls: cudnn$convForward 1, " in describe_kinds(summary)


def test_a_synchronous_all_reduce_has_nothing_beside_it():
    line = "  %all-reduce.4 = f32[8]{0} all-reduce(%x), channel_id=1, to_apply=%add\n"
    program = PROGRAM.replace("  ROOT %bitcast.3", line + "  ROOT %bitcast.3")
    summary = summarise(program)
    assert summary.between == [2, 0, 0]
    assert summary.counts["all-reduce"] == 1


def test_other_text_is_refused():
    with pytest.raises(ValueError, match="no ENTRY"):
        summarise("HloModule nothing")


def test_a_program_is_compiled_for_every_choice_once():
    every = list(choices(_parser().parse_args([])))
    assert len(every) == len(set(every)) == len(CHIPS) * 2 * 2 * (2 * 3 + 1)
    few = ["--chips", "a100", "--precision", "float32", "--products", "cublas"]
    few += ["--programs", "step", "--remat", "full", "--devices", "2"]
    [choice] = choices(_parser().parse_args(few))
    assert named(choice) == [
        "A100 SXM",
        "step, 2 devices",
        "float32",
        "full",
        "cublas",
    ]


@pytest.mark.parametrize("chip", CHIPS.values())
def test_the_description_of_a_chip_is_complete(chip):
    text = chip.target_config()
    assert text.count("{") == text.count("}")
    for field in (
        f"memory_bandwidth: {chip.bandwidth_gb_s}000000000",
        f"device_memory_size: {chip.memory_gb * 1024**3}",
        f"shared_memory_per_core: {chip.shared_kb * 1024}",
    ):
        assert field in text
