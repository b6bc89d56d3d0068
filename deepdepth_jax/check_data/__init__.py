"""A report on a data set before training: `python -m deepdepth_jax.check_data`.

`__main__` parses the command line. The other modules inspect frames and print.
"""
