"""Measurements side by side with what users would take instead."""

from deepdepth_jax.runtime.startup import set_up_process

set_up_process()  # as commands do
