"""Measurements side by side with what users would take instead."""

from deepdepth_jax.startup import start_sooner

start_sooner()  # as commands do
