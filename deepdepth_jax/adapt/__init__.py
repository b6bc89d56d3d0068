"""The command that adapts a network to images without depth, by self-training.

Pure maths of counts, thresholds and selection, then the passes over the images, then
the rounds. May import every room except the other commands.
"""
