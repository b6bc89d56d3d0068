"""A grid of variants, readings and seeds: run, and told with intervals."""
