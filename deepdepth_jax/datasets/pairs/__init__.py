"""Pairs of the user's own: images and depth files, listed in a manifest."""
