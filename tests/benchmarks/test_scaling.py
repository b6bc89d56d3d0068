"""What docs/performance.md counts on paper, against programs and by hand."""

import jax
import jax.numpy as jnp

from benchmarks.scaling import MACHINES, all_reduced_bytes, sized, step_flops


def test_the_bytes_of_all_reduces_are_found_in_a_compiled_program():
    def add_up(x, y):
        return jax.lax.psum((x, y), "batch"), jax.lax.psum(y.sum(), "batch")

    arrays = jnp.ones((4, 3, 5)), jnp.ones((4, 7), jnp.bfloat16)
    compiled = jax.pmap(add_up, axis_name="batch").lower(*arrays).compile()
    # XLA computes bfloat16 in float32 on a CPU, and adds up what it can at once.
    assert sum(all_reduced_bytes(compiled.as_text())) == 4 * (3 * 5 + 7 + 1)


def test_an_asynchronous_all_reduce_counts_too():
    line = "%a = (f32[2,3]{1,0}, bf16[]) all-reduce-start(%x, %y), channel_id=1"
    assert all_reduced_bytes(line) == [2 * 3 * 4 + 2]


def test_the_work_of_a_step_is_that_of_its_layers():
    few, many = (step_flops(sized(420, 800, 2, bins)) for bins in (71, 72))
    # A bin more: four 3x3 convolutions of 2048 channels at 53 x 101 places, forward,
    # for the kernel and for the input.
    assert many - few == 3 * 2 * (4 * 9 * 2048) * (2 * 53 * 101)
    assert few == 2 * step_flops(sized(420, 800, 1, 71))


def test_a_machine_of_the_estimate_adds_up_over_a_ring():
    alone, nvlink, _ = MACHINES[:3]
    assert alone.reduce_s(10**9) == 0
    assert nvlink.reduce_s(230 * 10**9) == 2 * 7 / 8
    assert nvlink.compute_s(156e12) == 1 / 0.35
