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
# Distances below it, in widths of an edge, count as it: the root of a difference of rounded squares says no more.
NEAREST = 0.2
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


class Shapes(NamedTuple):
    """Circles and ellipses that strokes are drawn as, see `draw`: (n, strokes, shapes) each, but for `presence`.

    Attributes:
        x: Of the middle, from the middle of the cell, where squares are small, so that differences of them are exact
            enough.
        y: Likewise.
        dx: From the middle of a segment to its end; 0 of a circle.
        dy: Likewise.
        radius: Of the pen.
        presence: (n, strokes), 0 or 1.
    """

    x: Tensor
    y: Tensor
    dx: Tensor
    dy: Tensor
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
    """Return what a quadratic form is linear in, at places (places, 2): x², 2·x·y, y², -2·x, -2·y and 1, (6, places).

    From the middle of the cell, as `Shapes` are.
    """
    x, y = (at - SIDE / 2).T
    return torch.stack([x * x, 2 * x * y, y * y, -2 * x, -2 * y, torch.ones_like(x)])


def shapes_between(vertices: int) -> tuple[Tensor, Tensor]:
    """Return the matrices (shapes, vertices) from the vertices of a stroke to the middles and halves of its shapes.

    They are a circle at each end, and the segments between the other vertices, which `drawn_places` keeps away from the
    ends.
    """
    place = torch.eye(vertices)
    start = torch.cat([place[:1], place[1:-2], place[-1:]])
    end = torch.cat([place[:1], place[2:-1], place[-1:]])
    return (start + end) / 2, (end - start) / 2


def draw(shapes: Shapes, softness: Tensor, at: Tensor, *, fixed: bool = False) -> Tensor:
    """Compute the log odds of ink nearly as `paint` does, in two passes over the places.

    A stroke is a circle at each end and ellipses between, one for every segment, somewhat longer than it and as wide as
    the pen. Their quadratic forms, times the square of the mean radius r of what is drawn, are linear in `powers`, so
    that one product and a minimum give that of the nearest one, d²; r - d is near the edge how far a place is inside.
    Beyond its tips an ellipse fades too slowly, which `GROWN` and `STEEPER` make up for.

    Args:
        shapes: Of n glyphs.
        softness: (n,), width of the edge in units, which d and r are counted in.
        at: (6, places), as of `powers`.
        fixed: Paint strokes that are not drawn, too, far away: it takes a CPU twice the time, but no size depends on
            what is drawn, which CUDA graphs need.

    Returns:
        (n, places).
    """
    x, y, dx, dy, radius, presence = shapes
    drawn = presence.sum(dim=1, keepdim=True).clamp(min=1)
    mean = (radius.mean(dim=2) * presence).sum(dim=1, keepdim=True) / (drawn * softness.unsqueeze(1))  # (n, 1)
    square = dx * dx + dy * dy + TINY**2
    across = (mean.unsqueeze(2) / radius).square()  # (n, strokes, shapes)
    along = (mean.unsqueeze(2) / (LONGER * square.sqrt() + radius)).square()
    more = (along - across) / square  # of the direction along a segment, in the form
    xx, xy, yy = across + dx * dx * more, dx * dy * more, across + dy * dy * more
    px, py = xx * x + xy * y, xy * x + yy * y
    form = torch.stack([xx, xy, yy, px, py, px * x + py * y], dim=3)  # (n, strokes, shapes, 6)
    squared = (least_of_all if fixed else least_of_drawn)(form, presence, at)
    inside = GROWN * mean - squared.clamp(min=NEAREST**2).sqrt()
    return functional.leaky_relu(inside, STEEPER)


def least_of_all(form: Tensor, presence: Tensor, at: Tensor) -> Tensor:
    """Return the least of the quadratic forms of the strokes that are drawn, (n, places).

    Args:
        form: (n, strokes, shapes, 6).
        presence: (n, strokes), 0 or 1.
        at: (6, places), as of `powers`.
    """
    far = functional.pad(ABSENT * (1 - presence)[:, :, None, None], (5, 0))  # (n, strokes, 1, 6)
    return ((form + far).flatten(1, 2) @ at).amin(dim=1)


def least_of_drawn(form: Tensor, presence: Tensor, at: Tensor) -> Tensor:
    """Return what `least_of_all` does, without a product for strokes that are not drawn."""
    drawn = presence > 0
    least = (form[drawn] @ at).amin(dim=1)  # (strokes that are drawn, places)
    least = torch.cat([torch.full_like(at[:1], ABSENT), least])
    count = drawn.flatten().long()
    row = (count.cumsum(0) * count).view(drawn.shape)  # (n, strokes), 0 if it is not drawn
    return least[row].amin(dim=1)


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
