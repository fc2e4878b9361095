"""Forms of words: most are of letters of one case, begin with a capital, or are numbers, and no consonant is one.

That tells a 1 from an l, an S from a 5 and a plus from a t, which look alike, but outweighs no clear character.
In nearly all languages, no word begins with l and another consonant either: what looks so is an I.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy import float64
from numpy.typing import NDArray

Floats = NDArray[float64]

# Share of the characters of a word that are not of its form.
_OTHER = 0.15
# How much rarer a consonant by itself is than a mark, and an l before a consonant than an I.
_ALONE, _VOWELS = 0.1, frozenset("aeiouyæøıAEIOUYÆØ")
_BEFORE_CONSONANT = 0.1


def weighed(posterior: Floats, starts: NDArray[np.bool], names: Sequence[str]) -> Floats:
    """Weigh the labels of characters by the form that their word most likely has.

    Args:
        posterior: (n, labels) likelihoods.
        starts: (n,) whether a character begins a word; the first does.
        names: Of the labels.

    Returns:
        (n, labels), not normalised.
    """
    first, others = _forms(names)
    alone = np.array([_ALONE if name.isalpha() and name not in _VOWELS else 1.0 for name in names])
    strokes = [names.index(name) for name in "Il"] if {"I", "l"} <= set(names) else None
    result = np.empty_like(posterior)
    bounds = [*np.flatnonzero(starts).tolist(), len(posterior)]
    for start, end in pairwise(bounds):
        own = posterior[start:end] * (alone if end - start == 1 else 1.0)
        if strokes and end - start > 1 and _is_consonant(names[int(own[1].argmax())]):
            own[0, strokes] = _before_consonant(*own[0, strokes])
        each = np.stack([np.concatenate([own[:1] * a, own[1:] * b]) for a, b in zip(first, others, strict=True)])
        fit = np.log(each.max(axis=2) + np.finfo(float).tiny).sum(axis=1)
        result[start:end] = each[int(fit.argmax())]
    return result


def _before_consonant(capital: float, small: float) -> tuple[float, float]:
    """Return the likelihoods of I and l at the beginning of a word, before a consonant."""
    rare = _BEFORE_CONSONANT * small
    # It stays as likely as before that it is one of these, and no mark such as |.
    return (max(capital, small), rare) if rare <= capital else (capital, small)


def _is_consonant(name: str) -> bool:
    """Return whether a label is a small consonant other than l, since Spanish words begin with ll."""
    return name.islower() and name not in _VOWELS and name != "l"


def _forms(names: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the weight of each label at the beginning of a word of each form, and after it: each (forms, labels)."""
    small, capital, digit = (
        np.array([_OTHER if name.isalnum() and not of_kind(name) else 1.0 for name in names])
        for of_kind in (str.islower, str.isupper, str.isdigit)
    )
    return np.stack([small, capital, capital, digit]), np.stack([small, small, capital, digit])
