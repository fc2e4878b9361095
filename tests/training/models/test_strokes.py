import math

import pytest
import torch
from torch import Tensor

from glyphvae_training.models.strokes import (
    OPAQUE,
    SIDE,
    Shapes,
    Strokes,
    draw,
    drawn_places,
    nearest,
    paint,
    pixel_centres,
    powers,
    shapes_between,
)

SOFTNESS = torch.tensor([0.2])


def straight(*strokes: tuple[tuple[float, float], tuple[float, float]], presence: float = 1) -> Strokes:
    """Return one glyph of straight strokes, each of eight segments."""
    ends = torch.tensor(strokes)  # (strokes, 2, 2)
    share = torch.linspace(0, 1, 9)[:, None]
    points = ends[:, :1] * (1 - share) + ends[:, 1:] * share
    return Strokes(
        points.unsqueeze(0),
        torch.full((1, len(strokes), 9), 1.5),
        torch.full((1, len(strokes)), presence),
    )


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_a_pixel_has_its_centre_at_half_a_unit() -> None:
    centres = pixel_centres(28)
    assert centres.shape == (784, 2)
    assert centres[0].tolist() == [0.5, 0.5]
    assert centres[1].tolist() == [1.5, 0.5]
    assert centres[28].tolist() == [0.5, 1.5]


def test_four_interleaved_pictures_are_one_of_twice_the_side() -> None:
    parts = [pixel_centres(28, x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)]
    fine = torch.stack(parts).view(2, 2, 28, 28, 2).permute(2, 0, 3, 1, 4).reshape(-1, 2)
    torch.testing.assert_close(fine, pixel_centres(56))


@pytest.mark.parametrize(
    ("x", "y", "distance"), [(14, 14, 0.0), (14, 15, 1.0), (20, 14, 2.0), (21, 18, 5.0), (14, 20, 6.0)]
)
def test_ink_falls_with_the_distance_from_the_stroke(x: float, y: float, distance: float) -> None:
    ink = paint(straight(((10, 14), (18, 14))), SOFTNESS, torch.tensor([[float(x), float(y)]]))
    expected = OPAQUE * sigmoid((1.5 - math.sqrt(distance**2 + 1e-3)) / 0.2)
    torch.testing.assert_close(ink, torch.tensor([[expected]]))


def test_a_pen_swells_between_its_knots() -> None:
    strokes = straight(((10, 14), (18, 14)))
    swollen = strokes._replace(radius=torch.linspace(0, 4, 9).expand(1, 1, 9))
    places = torch.tensor([[12.0, 15.0], [14.0, 16.0], [16.0, 17.0]])  # as far as the radius is there
    torch.testing.assert_close(paint(swollen, SOFTNESS, places), torch.full((1, 3), OPAQUE / 2), rtol=0, atol=2e-3)


def test_strokes_cover_each_other() -> None:
    first, second = ((10.0, 14.0), (18.0, 14.0)), ((14.0, 10.0), (14.0, 18.0))
    places = pixel_centres(28)
    inks = [paint(straight(*which), SOFTNESS, places) for which in ((first,), (second,), (first, second))]
    torch.testing.assert_close(inks[2], 1 - (1 - inks[0]) * (1 - inks[1]))


def test_an_absent_stroke_leaves_no_ink() -> None:
    assert paint(straight(((10, 14), (18, 14)), presence=0), SOFTNESS, pixel_centres(28)).max() == 0


def test_the_nearest_segment_is_found_as_argmin_finds_it() -> None:
    generator = torch.Generator().manual_seed(0)
    middles = 28 * torch.rand(4, 3, 11, 2, generator=generator)
    places = pixel_centres(9)
    distances = (places - middles.unsqueeze(3)).square().sum(dim=4)  # (4, 3, 11, places)
    assert torch.equal(nearest(middles, places), distances.argmin(dim=2))


def test_gradients_are_those_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    points = (14 + 5 * torch.randn(1, 2, 5, 2, generator=generator)).double().requires_grad_()
    radius = torch.rand(1, 2, 5, generator=generator).add(0.5).double().requires_grad_()
    presence = torch.rand(1, 2, generator=generator).double().requires_grad_()
    softness = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    places = pixel_centres(6).double()

    def ink(*tensors: Tensor) -> Tensor:
        return paint(Strokes(*tensors[:3]), tensors[3], places)

    assert torch.autograd.gradcheck(ink, (points, radius, presence, softness))


def line(radius: float, presence: float = 1.0) -> Strokes:
    """A level line through the middle, from x = 6 to 22, of ten segments, and a stroke that is not drawn."""
    x = torch.linspace(6, 22, 11)
    points = torch.stack([x, torch.full_like(x, 14.0)], dim=1)
    return Strokes(
        torch.stack([points, points + 5])[None],
        torch.full((1, 2, 11), radius),
        torch.tensor([[presence, 0.0]]),
    )


def shapes(strokes: Strokes) -> Shapes:
    middle, half = shapes_between(strokes.points.shape[2])
    x, y = (middle @ strokes.points - SIDE / 2).unbind(dim=3)
    dx, dy = (half @ strokes.points).unbind(dim=3)
    return Shapes(x, y, dx, dy, strokes.radius @ middle.T, strokes.presence)


@pytest.mark.parametrize("radius", [0.5, 1.5, 3.0])
def test_a_line_drawn_at_once_is_nearly_the_painted_one(radius: float) -> None:
    softness = torch.tensor([0.4])
    at = pixel_centres(28)
    painted, drawn = paint(line(radius), softness, at), torch.sigmoid(draw(shapes(line(radius)), softness, powers(at)))
    assert (painted - drawn).abs().mean() < 0.01
    # In the middle of a segment, how far a place is inside of the grown stroke is exact, and outside it is steeper.
    middle = torch.tensor([[14.8, 14.0 + 1.04 * radius - 0.25], [14.8, 14.0 + 1.04 * radius + 0.5]])
    inside = draw(shapes(line(radius)), softness, powers(middle))
    torch.testing.assert_close(inside, torch.tensor([[0.25 / 0.4, -1.2 * 0.5 / 0.4]]), rtol=0, atol=0.05)


def test_strokes_fade_beyond_their_ends_as_beside_them() -> None:
    """Ellipses alone, which are longer than wide, would be half as dark there, which is haze."""
    points = 6 + 16 * drawn_places(11)
    stroke = Strokes(
        torch.stack([points, torch.full_like(points, 14.0)], dim=1)[None, None],
        torch.full((1, 1, 11), 1.2),
        torch.ones(1, 1),
    )
    places = torch.tensor([[14.0, 16.5], [23.3 + 1.2, 14.0]])
    beside, beyond = draw(shapes(stroke), torch.tensor([0.4]), powers(places))[0]
    assert beyond < 0.6 * beside < 0


def test_vertices_are_closer_together_towards_the_ends() -> None:
    places = drawn_places(15)
    assert places[[0, -1]].tolist() == [0, 1]
    steps = places[1:-1].diff()
    assert torch.all(steps[:6].diff() > 0)
    torch.testing.assert_close(places, 1 - places.flip(0))


def test_shapes_are_circles_at_the_ends_and_segments_between_the_others() -> None:
    middle, half = shapes_between(5)
    vertices = torch.tensor([0.0, 1.0, 3.0, 7.0, 8.0])
    assert (middle @ vertices).tolist() == [0, 2, 5, 8]
    assert (half @ vertices).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("fixed", [False, True])
def test_nothing_is_drawn_without_strokes(fixed: bool) -> None:
    none = shapes(line(1.0, presence=0.0))
    assert draw(none, torch.tensor([0.4]), powers(pixel_centres(28)), fixed=fixed).max() < -50


def test_strokes_that_are_left_out_change_nothing() -> None:
    generator = torch.Generator().manual_seed(3)
    x, y, dx, dy = 8 * torch.randn(4, 5, 3, 6, generator=generator)
    radius = torch.rand(5, 3, 6, generator=generator) + 0.5
    presence = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]])
    softness, at = torch.linspace(0.2, 0.5, 5), powers(pixel_centres(28))
    glyphs = Shapes(x, y, dx, dy, radius, presence)
    both = [draw(glyphs, softness, at, fixed=fixed) for fixed in (False, True)]
    torch.testing.assert_close(*both, rtol=1e-4, atol=1e-3)
