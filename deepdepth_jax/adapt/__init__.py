"""The command that adapts a network to images without depth.

May import every room.
"""
