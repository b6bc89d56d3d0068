"""From a trained network and an image of any size to depth and confidence.

May import `models` and `uncertainty`. Imports nothing of `training`.
"""
