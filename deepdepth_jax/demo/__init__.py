"""A web page that shows depth predictions: `python -m deepdepth_jax.demo`."""
