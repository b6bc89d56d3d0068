"""Metrics of a run, or of anybody's depth files, by a named protocol.

May import `inference`, `datasets` and `drawing`.
"""
