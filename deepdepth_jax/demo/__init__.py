"""A web page that shows what a trained network sees: `python -m deepdepth_jax.demo`."""
