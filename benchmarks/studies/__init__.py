"""Studies: files with a function `get_study()`."""
