"""Environment of a command: its options, devices, processes, checkpoints and run.

May import `config` and the pure modules at the top. Knows no network and no data set.
"""
