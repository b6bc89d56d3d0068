"""GPU programs, compiled and read on a machine that needs no GPU."""
