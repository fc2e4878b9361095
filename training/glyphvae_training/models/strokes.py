"""Pen strokes as a decoder gives them, and their painting, which gradients pass through.

A glyph lies in a cell of 28 by 28 units, x to the right and y down, as its picture of 28×28 pixels does. Each of its
strokes is a B-spline that a round pen of varying radius follows. The ink at a place x is

    1 - product over the strokes s of (1 - presence_s · sigmoid((r - d_s(x)) / softness)),

d_s(x) the distance from x to the stroke and r the pen's radius there: a soft union, as in "Differentiable vector
graphics rasterization for editing and learning" (Li et al., 2020) with distances in the place of exact coverage.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

SIDE = 28
# Ink hides paper, but a stroke that hides all of it would pass no gradient to those below it.
OPAQUE = 0.999
# Under a square root, whose slope at 0 is infinite.
TINY = 1e-3
# Of an ellipse in the place of a segment: its half axis in halves of the segment, beside the radius; a factor of the
# mean radius, and one of log odds outside; how far from the ends of a curve segments begin, and how much closer to each
# other they are there. All by trying: of painted strokes, this is 0.0007 off in the mean square, and as free from haze.
LONGER, GROWN, STEEPER, END, CLOSER = 1.1, 1.04, 1.2, 0.03, 0.5
# Distances below it, in units, count as it: the root of a difference of rounded squares says no more.
NEAREST = 0.1
# Of a stroke that is not drawn: far from everywhere.
ABSENT = 1e4


class Strokes(NamedTuple):
    """Polylines of glyphs, in units of the cell.

    Attributes:
        points: (n, strokes, vertices, 2), x and y, in the order of writing.
        radius: (n, strokes, vertices), of the pen.
        presence: (n, strokes), 0 for a stroke that is not drawn, 1 for one that is.
    """

    points: Tensor
    radius: Tensor
    presence: Tensor


def pixel_centres(side: int, x: float = 0.5, y: float = 0.5) -> Tensor:
    """Return a place in each pixel of a picture of the cell, (side², 2), row by row.

    Args:
        side: Pixels.
        x: Where in the pixel, 0 its left edge, 1 its right.
        y: Likewise, from its top.
    """
    steps = torch.arange(side)
    down, right = torch.meshgrid(steps + y, steps + x, indexing="ij")
    return torch.stack([right.flatten(), down.flatten()], dim=1) * (SIDE / side)


def paint(strokes: Strokes, softness: Tensor, at: Tensor) -> Tensor:
    """Compute the ink at places of the cell.

    Args:
        strokes: Of n glyphs.
        softness: (n,), width of the edge in units.
        at: (places, 2).

    Returns:
        (n, places) in [0, 1).
    """
    start, end = strokes.points[:, :, :-1], strokes.points[:, :, 1:]  # (n, strokes, segments, 2)
    radii = torch.stack([strokes.radius[:, :, :-1], strokes.radius[:, :, 1:]], dim=3)
    segments = torch.cat([start, end - start, radii], dim=3)  # (n, strokes, segments, 6)
    index = nearest(((start + end) / 2).detach(), at)  # (n, strokes, places)
    rows = segments.flatten(0, 2)[(index + offsets(segments)).flatten()].view(*index.shape, -1)
    ax, ay, dx, dy, r0, r1 = rows.unbind(dim=3)  # (n, strokes, places) each
    px, py = at[:, 0] - ax, at[:, 1] - ay
    along = ((px * dx + py * dy) / (dx.square() + dy.square() + TINY)).clamp(0, 1)
    distance = torch.sqrt((px - along * dx).square() + (py - along * dy).square() + TINY)
    inside = (r0 + along * (r1 - r0) - distance) / softness[:, None, None]
    ink = torch.sigmoid(inside) * (OPAQUE * strokes.presence).unsqueeze(2)
    return 1 - torch.prod(1 - ink, dim=1)


def powers(at: Tensor) -> Tensor:
    """Return what a quadratic form is linear in, at places (places, 2): x², x·y, y², x, y and 1, (6, places).

    From the middle of the cell, where squares are small, so that differences of them are exact enough.
    """
    x, y = (at - SIDE / 2).T
    return torch.stack([x * x, x * y, y * y, x, y, torch.ones_like(x)])


def draw(strokes: Strokes, softness: Tensor, at: Tensor) -> Tensor:
    """Compute the log odds of ink nearly as `paint` does, in two passes over the places.

    A stroke is a circle at each end and ellipses between, one for every segment, somewhat longer than it and as wide as
    the pen. Their quadratic forms, times the square of the mean radius r of what is drawn, are linear in `powers`, so
    that one product and a minimum give that of the nearest one, d²; r - d is near the edge how far a place is inside.
    Beyond its tips an ellipse fades too slowly, which `GROWN` and `STEEPER` make up for.

    Args:
        strokes: Of n glyphs; their presence is 0 or 1. The vertices between the ends are joined by segments, which
            `drawn_places` keeps away from the ends.
        softness: (n,), width of the edge in units.
        at: (6, places), as of `powers`.

    Returns:
        (n, places).
    """
    points, radii = strokes.points, strokes.radius
    start = torch.cat([points[:, :, :1], points[:, :, 1:-2], points[:, :, -1:]], dim=2)  # (n, strokes, shapes, 2)
    half = functional.pad(points[:, :, 2:-1] - points[:, :, 1:-2], (0, 0, 1, 1)) / 2  # none of a circle
    between = (radii[:, :, 1:-2] + radii[:, :, 2:-1]) / 2
    radius = torch.cat([radii[:, :, :1], between, radii[:, :, -1:]], dim=2)  # (n, strokes, shapes)
    length = (half.square().sum(dim=3) + TINY**2).sqrt()
    along = half / length.unsqueeze(3)
    tx, ty = along.unbind(dim=3)
    mx, my = (start + half - SIDE / 2).unbind(dim=3)
    drawn = strokes.presence.sum(dim=1, keepdim=True).clamp(min=1)
    mean = (radius.mean(dim=2) * strokes.presence).sum(dim=1, keepdim=True) / drawn  # (n, 1)
    square = mean.square().unsqueeze(2)
    wide = square / radius.square()
    more = square / (LONGER * length + radius).square() - wide  # of the direction along a segment, in the form
    xx, yy, xy = wide + tx * tx * more, wide + ty * ty * more, 2 * tx * ty * more
    rest = xx * mx * mx + xy * mx * my + yy * my * my + ABSENT * (1 - strokes.presence).unsqueeze(2)
    form = torch.stack([xx, xy, yy, -2 * xx * mx - xy * my, -2 * yy * my - xy * mx, rest], dim=3)
    squared = (form.flatten(1, 2) @ at).amin(dim=1)  # (n, places)
    inside = (GROWN * mean - squared.clamp(min=NEAREST**2).sqrt()) / softness.unsqueeze(1)
    return torch.minimum(inside, STEEPER * inside)


def drawn_places(vertices: int) -> Tensor:
    """Return where along a curve, from 0 to 1, the vertices of `draw` are: its ends, and others between.

    Curves are fast at their ends, where control points are far from knots, so vertices are closer together there.
    """
    even = torch.linspace(END, 1 - END, vertices - 2)
    inner = even - CLOSER * torch.sin(2 * math.pi * even) / (2 * math.pi)
    return functional.pad(functional.pad(inner, (1, 0)), (0, 1), value=1.0)


def offsets(segments: Tensor) -> Tensor:
    """Return where each stroke's segments begin in a flat list of all, (n, strokes, 1)."""
    glyphs, strokes, count = segments.shape[:3]
    return torch.arange(0, glyphs * strokes * count, count, device=segments.device).view(glyphs, strokes, 1)


@torch.no_grad()
def nearest(middles: Tensor, at: Tensor) -> Tensor:
    """Find the segment whose middle is nearest to each place.

    Segments of one stroke are about equally long, so it is the nearest segment or a neighbour about as near.

    Args:
        middles: (n, strokes, segments, 2).
        at: (places, 2).

    Returns:
        int64 (n, strokes, places).
    """
    # |p - m|² less |p|², which all segments share, as one matrix product.
    factors = torch.cat([-2 * middles, middles.square().sum(dim=3, keepdim=True)], dim=3)  # (n, strokes, segments, 3)
    apart = factors @ functional.pad(at, (0, 1), value=1.0).T  # (n, strokes, segments, places)
    # A search segment by segment takes a quarter of the time of argmin, which reads memory in strides.
    least, index = apart[:, :, 0], torch.zeros(apart[:, :, 0].shape, dtype=torch.int32, device=at.device)
    for segment in range(1, apart.shape[2]):
        index = torch.where(apart[:, :, segment] < least, segment, index)
        least = torch.minimum(least, apart[:, :, segment])
    return index.long()
