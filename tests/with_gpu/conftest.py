"""What needs a GPU is only collected where JAX finds one: `make test-gpu`."""

import jax

if jax.default_backend() != "gpu":
    collect_ignore_glob = ["test_*.py"]
