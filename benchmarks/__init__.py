"""Measurements side by side with what users would take instead."""

from deepdepth_jax.compiler_flags import leave_nothing_to_ynnpack

leave_nothing_to_ynnpack()  # as commands do
