"""Class-balanced self-training on images without depth.

Pure maths of counts, thresholds and selection, then the passes over the images, then
the rounds. May import every room except the commands.
"""
