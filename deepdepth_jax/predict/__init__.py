"""Depth for images without ground truth: `python -m deepdepth_jax.predict`.

`__main__` parses the command line. The other modules find files, read them and write
results.
"""
