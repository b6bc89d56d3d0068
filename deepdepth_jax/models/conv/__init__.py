"""Convolutions and pooling in the forms that XLA computes fast, with their gradients.

Imports nothing of the package but `types`.
"""
