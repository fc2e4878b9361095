"""The sheet of paper in a picture that shows what it lies on, squared up."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy import float32, uint8
from numpy.typing import NDArray

Picture = NDArray[Any]  # uint8; OpenCV's annotations know no types of pixels
Corners = NDArray[float32]  # (4, 2) x and y: top left, top right, bottom right, bottom left

# Side of the picture in which edges are looked for.
_COARSE = 256
# A sheet has at least this share of the picture's area, and at most that.
_SMALLEST, _LARGEST = 0.12, 0.97
# Of the area of its hull, a sheet's outline has at least this share, and the quadrilateral through its corners, which
# smoothing has rounded, that.
_STRAIGHT, _ROUNDED = 0.93, 0.9
# Levels by which a sheet differs from what it lies on.
_APART = 18
# Sides that lie within the picture: a shadow or a strip of a desk has fewer.
_SIDES = 3
# Nearer to the edge of the picture than this share of its side, a side is no side of the sheet.
_EDGE = 0.02
# What is cut off at each side, which may be the sheet's edge, in shares.
_INSET = 0.015


def find_paper(picture: Picture) -> Corners | None:
    """Return the corners of the sheet in a picture (h, w) or (h, w, 3), None where it has no three edges."""
    factor = max(1.0, max(picture.shape[:2]) / _COARSE)
    size = max(1, round(picture.shape[1] / factor)), max(1, round(picture.shape[0] / factor))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    # Writing is narrower than this, and edges stay where they are.
    smooth = cv2.medianBlur(small, 9)
    best, area = None, 0.0
    for region in _regions(smooth):
        corners = _quadrilateral(region)
        if corners is None or not _is_apart(smooth, corners):
            continue
        size_ = float(cv2.contourArea(corners))
        if size_ > area:
            best, area = corners, size_
    return None if best is None else np.asarray((best + 0.5) * factor - 0.5, float32)


def _regions(picture: Picture) -> Iterator[Picture]:
    """Yield masks of what is light, dark, or coloured."""
    if picture.ndim == 2:
        channels = [picture]
    else:
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
        channels = [lab[..., 0], lab[..., 1], lab[..., 2], picture.min(axis=2)]
    for channel in channels:
        if int(channel.max()) - int(channel.min()) < _APART:
            continue
        _, light = cv2.threshold(channel, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        yield light
        yield cv2.bitwise_not(light)


def _quadrilateral(region: Picture) -> Corners | None:
    """Return the corners of the largest piece of a region, None where its outline is no quadrilateral."""
    height, width = region.shape
    opened = cv2.morphologyEx(region, cv2.MORPH_OPEN, np.ones((5, 5), uint8))
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea, default=np.zeros((1, 1, 2), np.int32))
    hull = cv2.convexHull(outline)
    area = float(cv2.contourArea(hull))
    if not _SMALLEST * height * width < area < _LARGEST * height * width:
        return None
    if cv2.contourArea(outline) < _STRAIGHT * area:
        return None
    for share in (0.02, 0.03, 0.045, 0.06):
        corners = cv2.approxPolyDP(hull, share * cv2.arcLength(hull, True), True).reshape(-1, 2).astype(float32)
        if len(corners) == 4:
            break
    else:
        return None
    if not _ROUNDED < float(cv2.contourArea(corners)) / area < 1 / _ROUNDED or not _is_square(corners):
        return None
    return _ordered(corners) if _sides_within(corners, height, width) >= _SIDES else None


def _is_square(corners: Corners) -> bool:
    """Return whether the angles may be right ones, seen at a slant."""
    for before, at, after in zip(np.roll(corners, 1, axis=0), corners, np.roll(corners, -1, axis=0), strict=True):
        a, b = before - at, after - at
        cosine = float(a @ b) / (float(np.linalg.norm(a) * np.linalg.norm(b)) + 1e-6)
        if abs(cosine) > 0.4:
            return False
    return True


def _sides_within(corners: Corners, height: int, width: int) -> int:
    x, y = _EDGE * width, _EDGE * height
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    return int(
        np.count_nonzero(
            (middles[:, 0] > x)
            & (middles[:, 0] < width - 1 - x)
            & (middles[:, 1] > y)
            & (middles[:, 1] < height - 1 - y)
        )
    )


def _ordered(corners: Corners) -> Corners:
    """Order corners so that the sheet is turned by no more than 45 degrees."""
    middle = corners.mean(axis=0)
    angles = np.arctan2(*(corners - middle).T[::-1])
    clockwise = corners[np.argsort(angles)]
    # The top side is the one whose middle is highest.
    tops = [float(clockwise[i, 1] + clockwise[(i + 1) % 4, 1]) for i in range(4)]
    return np.roll(clockwise, -int(np.argmin(tops)), axis=0)


def _is_apart(picture: Picture, corners: Corners) -> bool:
    """Return whether what is around the corners differs from what is within, not only at a line."""
    inside = np.zeros(picture.shape[:2], uint8)
    cv2.fillConvexPoly(inside, np.rint(corners).astype(np.int32), 255)
    around = cv2.dilate(inside, np.ones((9, 9), uint8)) == 0
    within = cv2.erode(inside, np.ones((9, 9), uint8)) > 0
    if np.count_nonzero(around) < 0.02 * around.size or not within.any():
        return False
    apart = np.median(picture[around], axis=0).astype(float) - np.median(picture[within], axis=0)
    return bool(np.abs(apart).max() >= _APART)


def squared_up(picture: Picture, corners: Corners) -> tuple[Picture, NDArray[Any]]:
    """Return the sheet as if seen from above, and the matrix (3, 3) that leads from there to the picture."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = max(8, round(max(sides[0], sides[2]))), max(8, round(max(sides[1], sides[3])))
    x, y = _INSET * width, _INSET * height
    wanted = np.array([[-x, -y], [width + x, -y], [width + x, height + y], [-x, height + y]], float32)
    matrix = cv2.getPerspectiveTransform(wanted, corners)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(picture, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE), matrix
