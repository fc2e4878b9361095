import cv2
import numpy as np
import pytest

from glyphvae.imaging.contrast import Colours
from glyphvae.imaging.squaring import find_paper, squared_up

CORNERS = np.array([[60, 40], [330, 60], [320, 320], [50, 300]], np.float32)


def desk_with(
    corners: np.ndarray[tuple[int, ...], np.dtype[np.float32]], *, paper: int = 230, desk: int = 80
) -> Colours:
    picture = np.full((360, 400, 3), desk, np.uint8)
    cv2.fillConvexPoly(picture, np.rint(corners).astype(np.int32), (paper,) * 3, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.parametrize(("paper", "desk"), [(230, 80), (120, 235)])
def test_the_corners_of_a_sheet_are_found_in_their_order(paper: int, desk: int, is_grey: bool) -> None:
    picture = desk_with(CORNERS, paper=paper, desk=desk)
    corners = find_paper(np.ascontiguousarray(picture[..., 0]) if is_grey else picture)
    assert corners is not None
    assert np.abs(corners - CORNERS).max() < 6


def test_a_small_note_is_found_though_smoothing_rounds_its_corners() -> None:
    note = np.array([[149, 65], [300, 114], [251, 265], [100, 216]], np.float32)
    corners = find_paper(desk_with(note))
    assert corners is not None
    assert np.abs(corners - note).max() < 8


def test_a_large_picture_is_searched_smaller() -> None:
    corners = find_paper(cv2.resize(desk_with(CORNERS), (1600, 1440)))
    assert corners is not None
    assert np.abs(corners / 4 - CORNERS).max() < 6


@pytest.mark.parametrize(
    "picture",
    [
        np.full((200, 200, 3), 200, np.uint8),
        desk_with(np.array([[0, 0], [399, 0], [399, 359], [200, 359]], np.float32)),  # a shadow
        desk_with(np.array([[40, 0], [399, 0], [399, 359], [40, 359]], np.float32)),  # a strip
        desk_with(np.array([[190, 40], [360, 320], [30, 320], [190, 40]], np.float32)),  # a triangle
        desk_with(np.array([[180, 160], [220, 160], [220, 200], [180, 200]], np.float32)),  # a small square
        desk_with(np.array([[40, 40], [360, 60], [200, 180], [60, 320]], np.float32)),  # askew
        np.pad(np.full((94, 94, 3), 230, np.uint8), ((3, 3), (3, 3), (0, 0)), constant_values=80),  # an edge
        np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8),
        np.where(np.indices((200, 200)).sum(axis=0) % 50 < 2, np.uint8(0), np.uint8(255)),
        cv2.circle(np.full((300, 300, 3), 80, np.uint8), (150, 150), 110, (220, 220, 220), -1),
        cv2.circle(desk_with(CORNERS), (190, 330), 90, (80, 80, 80), -1),  # torn
        cv2.rectangle(np.full((300, 300, 3), 230, np.uint8), (60, 60), (240, 240), (30, 30, 30), 14),  # a frame
    ],
    ids=["even", "shadow", "strip", "triangle", "small", "askew", "edge", "noise", "stripes", "disc", "torn", "frame"],
)
def test_what_is_no_sheet_is_not_found(picture: Colours) -> None:
    assert find_paper(picture) is None


def test_a_sheet_is_seen_from_above() -> None:
    picture = desk_with(CORNERS)
    cv2.circle(picture, (60 + 20, 40 + 20), 5, (0, 0, 0), -1)
    seen, matrix = squared_up(picture, CORNERS)
    assert seen.min(axis=2).argmin() < seen.shape[1] * 40
    assert seen[60:].min() > 200
    corner = matrix @ [0, 0, 1]
    assert np.abs(corner[:2] / corner[2] - CORNERS[0]).max() < 10
