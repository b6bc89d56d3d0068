"""Figures: colour scales, sheets of images with their depth, and plots.

Draws arrays. May import the pure modules at the top, and `runtime` to write files.
"""
