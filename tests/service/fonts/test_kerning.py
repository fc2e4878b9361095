import numpy as np

from glyphvae.fonts.kerning import distances, space
from glyphvae.text.pen_metrics import PenMetrics, measure, within_reach
from glyphvae.text.pen_spacing import USUAL_GAP, gaps
from tests.service.text.pen import random_strokes

UNIT = 35


def some(n: int) -> PenMetrics:
    return measure(within_reach(random_strokes(n, seed=3, spread=4))).take(np.arange(n))


def test_distances_are_those_of_a_text() -> None:
    ink, is_word = some(6), np.array([True, True, False, True, True, True])
    found = distances(ink, is_word)
    for pair in ([0, 1], [1, 0], [2, 4], [5, 5]):
        index = np.array(pair)
        assert found[*pair] == gaps(ink.take(index), is_word[index], USUAL_GAP)[0]


def test_bearings_and_pairs_add_up_to_the_distances() -> None:
    n = 6
    ink, is_word, itself = some(n), np.array([True] * 4 + [False] * 2), np.arange(n)
    usual = np.array([0, 1, 0, 1, 4, 5])  # two letters in two forms
    spacing = space(ink, is_word, itself, usual, is_word, unit=UNIT)
    width = UNIT * (ink.boxes[:, 2] - ink.boxes[:, 0])
    kerned = spacing.classes[np.ix_(spacing.number, spacing.number)]
    kerned[:4, :4] += spacing.forms
    found = (spacing.advance - spacing.left - width)[:, None] + kerned + spacing.left
    exact = UNIT * distances(ink, is_word)
    assert np.abs(found - exact)[:4, :4].max() <= 1.5
    assert np.abs(found - exact)[4:, 4:].max() <= 1.5
    assert len(spacing.classes) == 4


def test_marks_in_the_way_of_others_give_their_letter_a_class() -> None:
    letters = some(3)
    wide = PenMetrics(letters.boxes, letters.left - 0, letters.right.copy(), letters.bearings)
    wide.right[2], wide.left[2] = wide.right[1] + 9, wide.left[1]
    wide.boxes[2], wide.bearings[2] = wide.boxes[1], wide.bearings[1]
    is_word, letter = np.ones(3, bool), np.array([0, 1, 1])
    spacing = space(wide, is_word, letter, letter, is_word & (letter == np.arange(3)), unit=UNIT)
    assert len(spacing.classes) == 3
    assert spacing.advance[2] == spacing.advance[1]


def test_signs_alone_can_be_spaced() -> None:
    spacing = space(some(2), np.zeros(2, bool), np.arange(2), np.arange(2), np.zeros(2, bool), unit=UNIT)
    assert spacing.classes.shape == (2, 2)
    assert spacing.forms.size == 0
