"""Data sets as TFDS builders over what the user has on disk."""
