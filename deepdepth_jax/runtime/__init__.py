"""What a command runs on: its options, devices, processes, checkpoints and run folder.

May import `config` and the pure modules at the top. Knows no network and no data set.
"""
