"""Pairs of the user's own: pictures and depth files, listed in a manifest."""
