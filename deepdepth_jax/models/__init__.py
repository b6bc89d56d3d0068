"""The network, and weights in and out of it."""
