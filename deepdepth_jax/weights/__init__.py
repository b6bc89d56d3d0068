"""Weights of other programs: download, recognition, strict conversion to and from ours.

May import `models`, whose variables the weights become.
"""
