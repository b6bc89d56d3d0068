"""Says what pyproject.toml cannot: `configs/` is installed inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["deepdepth_jax*"]), "deepdepth_jax.configs"],
    package_dir={"deepdepth_jax.configs": "configs"},
)
