"""The field that was probably meant by a name that is none."""

import difflib
from collections.abc import Iterable

from deepdepth_jax.config.fields import Field

LEAST = 0.7
"""How alike, of 1, two names must be for one to be suggested for the other."""
SAME_PART = 0.8
"""How alike names are at least where one has all words of the other."""
SAME_SECTION = 0.2
"""How much the section counts beside the name within it."""


def nearest(name: str, fields: Iterable[Field]) -> str | None:
    """Finds the field whose name, or other name, is most like an unknown one.

    `train.lr` is `train.learning_rate`, which people also call so. `eval.steps` is
    `train.num_steps`, which has that word. `data.rot` is `data.root`, misspelled.

    Args:
      name: whole, such as `train.lr`.
      fields: to choose from.

    Returns:
      The whole name of the field. None if none is like it.
    """
    section, _, leaf = name.rpartition(".")
    best, best_score = None, 0.0
    for field in fields:
        own_section, _, own_leaf = field.name.rpartition(".")
        others = [_ratio(leaf, known) for known in field.also]
        likeness = max(_likeness(leaf, own_leaf), *others, 0)
        score = likeness + SAME_SECTION * _ratio(section, own_section)
        if likeness >= LEAST and score > best_score:
            best, best_score = field.name, score
    return best


def _likeness(name: str, known: str) -> float:
    words, known_words = set(name.split("_")), set(known.split("_"))
    ratio = _ratio(name, known)
    if words <= known_words or known_words <= words:
        return max(ratio, SAME_PART + (1 - SAME_PART) * ratio)
    return ratio


def _ratio(name: str, known: str) -> float:
    return difflib.SequenceMatcher(None, name, known).ratio()
