"""The pen: a conditional VAE whose decoder gives strokes, p(x|z, c) with z = (hand, form).

The hand is shared by all glyphs of a writer, the form is one glyph's own. The posterior of a hand that wrote several
glyphs is the product of theirs and of the prior (Wu & Goodman, "Multimodal generative models for scalable
weakly-supervised learning", arXiv:1802.05335, section 2.2). Ha & Eck, "A neural representation of sketch drawings"
(arXiv:1704.03477) draw strokes as sequences; here they are a fixed number of curves, so that the likelihood of an image
trains them (`glyphvae_training.models.strokes`).

What forms a hand usually gives to a label is linear in the hand: p(form|hand, c) = N(M_c · hand, I) while strokes are
learned. So a hand tells shapes, too, and its letters are as sharp as any: a decoder that had to guess them would hedge.
A label's glyphs are decoded from the hand plus an offset of the label's own (`glyphvae_training.fitting.pen_offset`),
which their posteriors lack.

Both parts of z have priors learned by flows (`glyphvae_training.models.flow`), so that the noise outside is N(0, I):
the hand's is one for all labels, because a hand writes them all, the form's, less the usual form, one for each label.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.models.conditioning import ConditionedLinear
from glyphvae_training.models.encoders import PenEncoder
from glyphvae_training.models.flow import Flow
from glyphvae_training.models.strokes import (
    SIDE,
    Shapes,
    Strokes,
    draw,
    drawn_places,
    paint,
    pixel_centres,
    powers,
    shapes_between,
)
from glyphvae_training.splines import basis

# Of the painted probabilities, whose logarithm the likelihood takes.
FAINTEST = 1e-4
LARGEST_LOGIT = math.log(1 / FAINTEST - 1)
# Units of the cell for one unit of the decoder's output: control points move by a few units while they are learned.
REACH = 9.0
# Cap heights in a unit of the cell, for capitals and for marks at true size.
TRUE_SIZE = 1 / 20
# Radius of the pen in cap heights where the decoder's output is 0, and the factors that it may differ by.
USUAL_RADIUS, LARGEST_LOG_RADIUS = 0.05, 1.4
# Softness of an edge at 28×28 pixels, in units: MNIST's digits have about 0.28, NIST's letters 0.4.
HARDEST, SOFTEST = 0.2, 0.5
KNOTS = 4
# A stroke is drawn if its presence is more, and the decoder's output that the most present stroke has at least.
DRAWN, LEAST_PRESENCE = 0.5, 0.05
# Parts of a curve that the vertices of drawn ones are rounded to.
FINE = 1000


@dataclass(frozen=True)
class PenConfig:
    """Configuration of a pen.

    Attributes:
        hand_size: Latents of the hand.
        form_size: Latents of the form.
        label_count: Labels.
        strokes: Of a glyph, at most.
        control_points: Of a stroke.
        segments: Of the polyline that a stroke is painted as.
        width: Of the layers.
        blocks: Residual layers of the decoder.
        couplings: Of each flow; 0 for none.
    """

    hand_size: int = 12
    form_size: int = 12
    label_count: int = 62
    strokes: int = 5
    control_points: int = 8
    segments: int = 14
    width: int = 320
    blocks: int = 2
    couplings: int = 0

    @property
    def latent_size(self) -> int:
        """Latents in all: those of the hand, then those of the form."""
        return self.hand_size + self.form_size

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as they stand in runs and manifests."""
        return asdict(self)


class Writing(NamedTuple):
    """Decoded glyphs.

    Attributes:
        control: (n, strokes, control points, 2), in units of the cell.
        radius: (n, strokes, knots), of the pen, at evenly spaced knots along each stroke, in units of the cell.
        presence: (n, strokes) in (0, 1).
        softness: (n,), width of an edge at 28×28 pixels, in units. Of the picture, not of the drawing.
        thickness: (n,), factor of the pen's radius in the picture at 28×28 pixels, for a label as NIST's box shows it.
            Likewise.
        metrics: (n, 4): cap heights in a unit of the cell; the baseline's y in units; left and right side bearing in
            cap heights.
    """

    control: Tensor
    radius: Tensor
    presence: Tensor
    softness: Tensor
    thickness: Tensor
    metrics: Tensor


class Features(NamedTuple):
    """Parts of the decoder's output, or of the rows of its last table.

    Attributes:
        points: (n, strokes * control points * 2).
        radius: (n, strokes * knots).
        presence: (n, strokes).
        softness: (n, 1).
        metrics: (n, 4).
    """

    points: Tensor
    radius: Tensor
    presence: Tensor
    softness: Tensor
    metrics: Tensor


class StrokeDecoder(nn.Module):
    """The decoder to strokes.

    Args:
        config: Of the model.
        control: float32 (labels, strokes, control points, 2), where strokes begin, in units of the cell; the
            middle if there is none.
        present: bool (labels, strokes), which strokes a label begins with; all if there is none.
    """

    curve: Tensor
    taper: Tensor
    shape_places: Tensor
    shape_radii: Tensor
    powers: Tensor

    def __init__(self, config: PenConfig, control: Tensor | None = None, present: Tensor | None = None) -> None:
        super().__init__()
        self.config = c = config
        self.first = ConditionedLinear(c.latent_size, c.width, c.label_count)
        self.blocks = nn.ModuleList(ConditionedLinear(c.width, c.width, c.label_count) for _ in range(c.blocks))
        self.sizes = [c.strokes * c.control_points * 2, c.strokes * KNOTS, c.strokes, 1, 4]
        self.last = ConditionedLinear(c.width, sum(self.sizes), c.label_count)
        self.weight = nn.Linear(c.hand_size, 1)
        # Log factors: what is written small is thick once it fills the box, and how large NIST's writers wrote a letter
        # is not known. Fonts' true sizes make an O 0.73 times as thick as theirs, and a w 1.3 times.
        self.thickness = nn.Embedding(c.label_count, 1)
        self.register_buffer("curve", torch.from_numpy(basis(c.control_points, c.segments + 1)), persistent=False)
        self.register_buffer("taper", interpolation(KNOTS, c.segments + 1), persistent=False)
        drawn = (FINE * drawn_places(c.segments + 1)).round().long()
        curve, taper = torch.from_numpy(basis(c.control_points, FINE + 1)), interpolation(KNOTS, FINE + 1)
        middle, half = shapes_between(c.segments + 1)
        # Of points (x, y) in turn, all x of middles, then y, then those of halves.
        places = torch.einsum("hsv,vp,xy->pxhys", torch.stack([middle, half]), curve[drawn], torch.eye(2))
        self.register_buffer("shape_places", places.flatten(2).flatten(0, 1), persistent=False)
        self.register_buffer("shape_radii", middle @ taper[drawn], persistent=False)
        self.register_buffer("powers", powers(pixel_centres(SIDE)), persistent=False)
        self._begin(control, present)

    @torch.no_grad()
    def _begin(self, control: Tensor | None, present: Tensor | None) -> None:
        assert self.last.table is not None  # noqa: S101 (a conditional layer)
        table = self.last.table.weight.zero_()
        self.last.linear.weight.mul_(0.1)
        self.last.linear.bias.zero_()
        begins = self.parts(table)
        if control is not None:
            begins.points.copy_(template_points(control).flatten(1))
        if present is not None:
            begins.presence.copy_(template_presence(present))
        self.weight.weight.zero_()
        self.weight.bias.zero_()
        self.thickness.weight.zero_()

    def forward(self, z: Tensor, label: Tensor) -> Writing:
        """Decode latents (n, latent), behind the flows, and labels (n,) int64."""
        weight = self.weight(z[:, : self.config.hand_size])  # (n, 1)
        return self._writing(self.features(z, label), weight, self.thickness(label).squeeze(1).exp())

    def parts(self, features: Tensor) -> Features:
        """Return views of the columns of features (n, sum of `sizes`)."""
        return Features(*torch.split(features, self.sizes, dim=1))

    def strokes(self, writing: Writing, *, hard: bool = True) -> Strokes:
        """See `Pen.strokes`."""
        presence = (writing.presence > DRAWN).float() if hard else writing.presence
        return Strokes(self.curve @ writing.control, writing.radius @ self.taper.T, presence)

    def draw(self, writing: Writing, *, fixed: bool = False) -> Tensor:
        """Return the log odds of ink (n, 28, 28) of decoded glyphs; `fixed` is that of `strokes.draw`."""
        places = (writing.control - SIDE / 2).flatten(2) @ self.shape_places  # (n, strokes, 4 * shapes)
        radius = (writing.radius @ self.shape_radii.T) * writing.thickness[:, None, None]
        x, y, dx, dy = places.chunk(4, dim=2)
        shapes = Shapes(x, y, dx, dy, radius, (writing.presence > DRAWN).float())
        logits = draw(shapes, writing.softness, self.powers, fixed=fixed)
        return logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).view(-1, SIDE, SIDE)

    def features(self, z: Tensor, label: Tensor) -> Tensor:
        """Return what `forward` converts: (n, sum of `sizes`)."""
        h = functional.silu(self.first(z, label))  # (n, width)
        for block in self.blocks:
            h = h + functional.silu(block(h, label))  # (n, width)
        features: Tensor = self.last(h, label)  # (n, sum of `sizes`)
        return features

    @torch.no_grad()
    def begin_again(self, label: int, z: Tensor, control: Tensor, presence: Tensor) -> None:
        """Move the strokes of one label to where they began, in the mean over latents (n, latent).

        Args:
            label: The label.
            z: Latents of glyphs of the label.
            control: float32 (strokes, control points, 2), in units of the cell.
            presence: (strokes,), the decoder's output, see `template_presence`.
        """
        assert self.last.table is not None  # noqa: S101 (a conditional layer)
        mean = self.parts(self.features(z, torch.full((len(z),), label)).mean(dim=0, keepdim=True))
        begins = self.parts(self.last.table.weight[label : label + 1])
        begins.points.add_(template_points(control).flatten() - mean.points)
        begins.presence.add_(presence - mean.presence)

    def _writing(self, features: Tensor, weight: Tensor, thickness: Tensor) -> Writing:
        """Convert features (n, sum of `sizes`), the weight of the hand's pen (n, 1) and `Writing.thickness` (n,)."""
        c = self.config
        points, radius, presence, softness, metrics = self.parts(features)
        size = TRUE_SIZE * torch.exp(0.5 * metrics[:, :1])  # (n, 1)
        # The most present stroke is drawn, so that no glyph is blank.
        lacking = functional.relu(LEAST_PRESENCE - presence.amax(dim=1, keepdim=True))  # (n, 1)
        shown = torch.sigmoid(2 * (presence + lacking))
        # The pen is the hand's, wider here and narrower there in a glyph; how large a cell's unit is follows from the
        # glyph. The likelihood must not make a glyph larger for the sake of its width.
        swelling = radius.view(-1, c.strokes, KNOTS)  # (n, strokes, knots)
        weights = (shown / shown.sum(dim=1, keepdim=True)).detach()  # (n, strokes)
        swelling = swelling - (swelling.mean(dim=2) * weights).sum(dim=1)[:, None, None]
        log_radius = LARGEST_LOG_RADIUS * torch.tanh((weight.unsqueeze(2) + 0.3 * swelling) / LARGEST_LOG_RADIUS)
        return Writing(
            control=(SIDE / 2 + REACH * points).view(-1, c.strokes, c.control_points, 2),
            radius=USUAL_RADIUS * log_radius.exp() / size.detach().unsqueeze(2),
            presence=shown,
            softness=HARDEST + (SOFTEST - HARDEST) * torch.sigmoid(softness.squeeze(1)),
            thickness=thickness,
            metrics=torch.cat([size, 24 + REACH * metrics[:, 1:2], 0.1 + 0.1 * metrics[:, 2:]], dim=1),
        )


class Pen(nn.Module):
    """A conditional VAE that draws strokes.

    Args:
        config: Of the model.
        control: See `StrokeDecoder`.
        present: Likewise.
    """

    kind: Literal["pen"] = "pen"
    places: Tensor
    hand_offset: Tensor

    def __init__(self, config: PenConfig, control: Tensor | None = None, present: Tensor | None = None) -> None:
        super().__init__()
        self.config = c = config
        self.encoder = PenEncoder(c.latent_size, c.label_count, c.width)
        self.decoder = StrokeDecoder(c, control, present)
        self.usual = nn.Embedding(c.label_count, c.form_size * c.hand_size)
        nn.init.zeros_(self.usual.weight)
        self.register_buffer("hand_offset", torch.zeros(c.label_count, c.hand_size))
        self.hand_flow = Flow(c.hand_size, 0, c.couplings) if c.couplings else None
        self.form_flow = Flow(c.form_size, c.label_count, c.couplings) if c.couplings else None
        self.register_buffer("places", pixel_centres(SIDE), persistent=False)

    def usual_form(self, hand: Tensor, label: Tensor) -> Tensor:
        """Return the mean of p(form|hand, c), (n, form), of hands (n, hand) and labels (n,) int64."""
        matrix = self.usual(label).view(-1, self.config.form_size, self.config.hand_size)
        usual: Tensor = (matrix @ (hand + self.hand_offset[label]).unsqueeze(2)).squeeze(2)
        return usual

    def posterior(self, x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar` of q(z|x, c) without priors, each (n, latent); the hand's is a factor of a product.

        Args:
            x: Pixels (n, 28, 28) in [0, 1].
            label: (n,) int64.
        """
        mu, logvar = self.encoder(x, label)
        return mu - self._offset(label), logvar.clamp(-8, 4)

    def write(self, z: Tensor, label: Tensor) -> Writing:
        """Decode latents (n, latent), behind the flows, and labels (n,) int64."""
        writing: Writing = self.decoder(z + self._offset(label), label)
        return writing

    def features(self, z: Tensor, label: Tensor) -> Tensor:
        """Return the decoder's output (n, features), which `write` converts, the proportions last."""
        return self.decoder.features(z + self._offset(label), label)

    def _offset(self, label: Tensor) -> Tensor:
        return functional.pad(self.hand_offset[label], (0, self.config.form_size))  # (n, latent)

    def strokes(self, writing: Writing, *, hard: bool = True) -> Strokes:
        """Return the polylines of decoded glyphs.

        Args:
            writing: Of n glyphs.
            hard: Draw each stroke fully or not at all; soft strokes are what is trained.
        """
        return self.decoder.strokes(writing, hard=hard)

    def ink(self, writing: Writing) -> Tensor:
        """Paint decoded glyphs at 28×28: (n, 784) in [0, 1)."""
        return paint(boxed(self.strokes(writing), writing), writing.softness, self.places)

    def to_latents(self, u: Tensor, label: Tensor) -> Tensor:
        """Map noise (n, latent) to latents (n, latent) by the priors."""
        hand, form = torch.split(u, [self.config.hand_size, self.config.form_size], dim=1)
        return self.formed(hand if self.hand_flow is None else self.hand_flow(hand, None), form, label)

    def formed(self, hand: Tensor, u: Tensor, label: Tensor) -> Tensor:
        """Join hands (n, hand), behind their prior, and the forms that they give to noise (n, form): (n, latent)."""
        form = u if self.form_flow is None else self.form_flow(u, label)
        return torch.cat([hand, form + self.usual_form(hand, label)], dim=1)

    def encode(self, x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return `mu` and `logvar` of q(u|x, c) of the noise, each (n, latent), of pixels (n, 28, 28) in [0, 1]."""
        mu, logvar = self.with_prior(*self.posterior(x, label))
        sizes = [self.config.hand_size, self.config.form_size]
        (hand, form), (hand_logvar, form_logvar) = torch.split(mu, sizes, dim=1), torch.split(logvar, sizes, dim=1)
        form = form - self.usual_form(hand, label)
        if self.hand_flow is not None and self.form_flow is not None:
            hand, hand_logvar = self.hand_flow.posterior(hand, hand_logvar, None)
            form, form_logvar = self.form_flow.posterior(form, form_logvar, label)
        return torch.cat([hand, form], dim=1), torch.cat([hand_logvar, form_logvar], dim=1)

    def decode(self, z: Tensor, label: Tensor) -> Tensor:
        """Return log odds of ink (n, 28, 28) under p(x|z, c), of noise (n, latent) and labels (n,) int64."""
        return self.decoder.draw(self.write(self.to_latents(z, label), label))

    def with_prior(self, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply the hand's factor of single glyphs with the prior N(0, I)."""
        hand = combined(mu[:, None, : self.config.hand_size], logvar[:, None, : self.config.hand_size])
        form = mu[:, self.config.hand_size :], logvar[:, self.config.hand_size :]
        return torch.cat([hand[0], form[0]], dim=1), torch.cat([hand[1], form[1]], dim=1)


def boxed(strokes: Strokes, writing: Writing) -> Strokes:
    """Return the strokes of decoded glyphs as thick as they are in pictures of 28×28 pixels."""
    return strokes._replace(radius=strokes.radius * writing.thickness[:, None, None])


def template_points(control: Tensor) -> Tensor:
    """Return the decoder's output for control points in units of the cell."""
    return (control - SIDE / 2) / REACH


def template_presence(present: Tensor) -> Tensor:
    """Return the decoder's output for strokes that are there or not, as bool."""
    return torch.where(present, 1.5, -1.5)


def combined(mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log variance, (writers, hand), of N(0, I) times the factors (writers, glyphs, hand) of each."""
    precision = torch.exp(-logvar)
    total = 1 + precision.sum(dim=1)
    return (precision * mu).sum(dim=1) / total, -total.log()


def interpolation(knots: int, samples: int) -> Tensor:
    """Return what each of evenly spaced knots contributes to samples between them, linearly: (samples, knots)."""
    place = torch.linspace(0, knots - 1, samples)
    return (1 - (place[:, None] - torch.arange(knots)).abs()).clamp(min=0)
