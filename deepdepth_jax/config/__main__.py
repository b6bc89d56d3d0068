"""Prints docs/config.md: `python -m deepdepth_jax.config > docs/config.md`."""

from deepdepth_jax.config.describe import markdown

if __name__ == "__main__":
    print(markdown(), end="")
