"""The training loop and all that it consists of: step, loss, optimiser, logs.

May import every room except the commands.
"""
