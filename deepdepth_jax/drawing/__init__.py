"""Figures: colour scales, sheets of images with their depth, and plots.

Draws arrays. May import the pure modules at the top, `runtime` to write files, and
`uncertainty`.
"""
