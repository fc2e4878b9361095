"""Training of the pen: the likelihood of single characters and of writers' glyphs, and nothing that reads them.

A batch holds single characters of NIST and MNIST, every label equally often, and several glyphs each of some writers
(`glyphvae_training.data.lettering`). A writer's glyphs are dealt into two halves, and each half is written in a hand
drawn from the product of the posteriors of one glyph or more of the other half: so a hand holds what one letter says of
the others, which is what it is for. The loss is

    -log p(x|z, c) + hand_weight · KL(q(hand) || p(hand)) + form_weight · KL(q(form) || p(form|hand, c))

with small penalties on curves that bend back and on strokes that are half there. Both weights are `single_weight` for
single characters, so that their hands hold no more than their forms of what is one character's own. A writer's hand is
cheap and its forms are dear: little is left to say of a font's letter once its hand is known. Presence is soft, and
pushed to 0 or 1 from `decide` of the steps on. Strokes that were drawn fully or not at all while they are learned, with
the gradient of soft ones, would come back where a letter needs none.

Edges are as soft as the data's. The likelihood does not choose how soft, because it takes soft ones wherever it is
unsure of a place, which is grey haze; the softness of characters has the least squared error, with the strokes as they
are.

Writers' glyphs are known at 56×56 pixels. Half of the batches see them there, in one of four interleaved pictures of
28×28 places, so that a finer picture costs what a coarse one does.
"""

import csv
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from glyphvae_training.data.augment import warp
from glyphvae_training.data.dataset import Split
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.files import replacing
from glyphvae_training.fitting.binarised import add_row
from glyphvae_training.fitting.objective import kl_per_unit, reparameterise
from glyphvae_training.models.conditioning import ConditionedLinear
from glyphvae_training.models.pen import FAINTEST, Pen, Writing, boxed, combined
from glyphvae_training.models.strokes import SIDE, Strokes, paint, pixel_centres
from glyphvae_training.progress import Progress, no_progress

CHECKPOINT, METRICS = "pen.ckpt", "metrics.csv"
CHECKPOINT_EVERY = 500
# Share of the steps over which the learning rate rises, and its share at the end.
RISE, LOWEST_RATE = 0.01, 0.02
# Steps that are worth the half minute that compiling takes.
MANY_STEPS = 1000
# Of the iteration that makes Muon's steps orthogonal.
NEWTON_STEPS = 4
# Of the edges of fonts, which fill pixels by area, at 28×28 and at 56×56 pixels, in units of the cell.
COARSE_SOFTNESS, FINE_SOFTNESS = 0.2, 0.13
# Single characters of a batch that the softness of edges is fitted to.
FITTED = 20
# What the four metrics are off by when they are off by much: log size, baseline, bearings.
METRIC_SCALES = (0.15, 1.5, 0.05, 0.05)


Painter = Callable[[Strokes, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class PenTraining:
    """Settings of the training.

    Attributes:
        steps: Batches.
        singles: Single characters in a batch.
        writers: Writers in a batch.
        glyphs: Of each writer in a batch, an even number.
        warped: Share of single characters that are turned, sheared and stretched a little, so that rare ones are not
            learned by heart.
        learning_rate: The optimisers', at its highest; a cosine takes it down.
        single_weight: Of the KL of single characters.
        hand_weight: Of the KL of writers' hands.
        form_weight: Of the KL of the forms of writers' glyphs.
        decide: Share of the steps after which presence is pushed to 0 or 1.
        restore: Share of the steps after which labels that have lost a piece begin again (`fitting.pen_restore`).
        decision: Weight of that push, per share of the steps.
        sparsity: Nats for a stroke.
        bending: Weight of the squared second differences of control points.
        swelling: Weight of the squared log differences of a pen's radius within a glyph.
        proportions: Weight of the metrics' error.
        seed: Of weights, order and noise.
    """

    steps: int = 30_000
    singles: int = 80
    writers: int = 10
    glyphs: int = 8
    warped: float = 0.6
    learning_rate: float = 2e-3
    single_weight: float = 0.2
    hand_weight: float = 0.1
    form_weight: float = 1.0
    decide: float = 0.3
    restore: float = 0.633
    decision: float = 40.0
    sparsity: float = 2.0
    bending: float = 0.02
    swelling: float = 0.02
    proportions: float = 0.5
    seed: int = 0


class Terms(NamedTuple):
    """Loss of a batch and its terms, nats per glyph.

    Attributes:
        total: What is differentiated.
        singles: Reconstruction of single characters.
        letters: Reconstruction of writers' glyphs.
        hand: KL of the hands.
        form: KL of the forms.
        edges: Squared error of single characters, summed over pixels, that softness is fitted by.
        proportions: Error of the metrics.
    """

    total: Tensor
    singles: Tensor
    letters: Tensor
    hand: Tensor
    form: Tensor
    edges: Tensor
    proportions: Tensor


class Drawer:
    """Draws batches.

    Args:
        singles: Single characters.
        lettering: Writers' glyphs.
        how: Settings of the training.
    """

    def __init__(self, singles: Split, lettering: Lettering, how: PenTraining) -> None:
        self.how = how
        self.images, self.labels = torch.from_numpy(singles.images), torch.from_numpy(singles.labels)
        self.classes = [torch.nonzero(self.labels == label).squeeze(1) for label in torch.unique(self.labels)]
        self.letters, self.characters = torch.from_numpy(lettering.images), torch.from_numpy(lettering.labels)
        self.metrics = torch.from_numpy(lettering.metrics)
        writers = torch.from_numpy(lettering.writers)
        self.writers = [torch.nonzero(writers == writer).squeeze(1) for writer in torch.unique(writers)]

    def singles(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw single characters, (n, 28, 28) in [0, 1], some of them warped, and labels, every label equally often."""
        classes = torch.randint(len(self.classes), (self.how.singles,), generator=generator).tolist()
        rows = torch.stack([pick(self.classes[one], 1, generator)[0] for one in classes])
        return warp(self.images[rows].float() / 255, self.how.warped, generator), self.labels[rows]

    def writing(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Draw writers' glyphs, uint8 (writers · glyphs, 56, 56), their labels and their metrics, writer by writer."""
        chosen = torch.randperm(len(self.writers), generator=generator)[: self.how.writers].tolist()
        rows = torch.cat([pick(self.writers[one], self.how.glyphs, generator) for one in chosen])
        return self.letters[rows], self.characters[rows], self.metrics[rows]


def pick(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw `count` of the rows, with replacement."""
    return rows[torch.randint(len(rows), (count,), generator=generator)]


def compute_loss(  # noqa: PLR0917 (of what, on what, when, by what)
    model: Pen,
    drawer: Drawer,
    how: PenTraining,
    share: float,
    generator: torch.Generator,
    painter: Painter = paint,
) -> Terms:
    """Draw a batch and compute its loss.

    Args:
        model: The pen.
        drawer: Of batches.
        how: Settings of the training.
        share: Of the steps that are done.
        generator: Of the batch and the noise.
        painter: `paint`, or what does the same.
    """
    x, label = drawer.singles(generator)
    fine, characters, metrics = drawer.writing(generator)
    letters = fine.float() / 255
    coarse = torch.cat([x, functional.avg_pool2d(letters, 2)])
    labels = torch.cat([label, characters])
    mu, logvar = model.posterior(coarse, labels)
    hands = model.config.hand_size
    single, half = how.singles, how.glyphs // 2
    halves = (-1, half, hands)
    own = combined(mu[:single, None, :hands], logvar[:single, None, :hands])
    shared = some_combined(mu[single:, :hands].reshape(halves), logvar[single:, :hands].reshape(halves), generator)
    hand_mu, hand_logvar = (torch.cat(pair) for pair in zip(own, shared, strict=True))  # (singles + halves, hand)
    hand = reparameterise(hand_mu, hand_logvar, generator)
    form_mu, form_logvar = mu[:, hands:], logvar[:, hands:]
    form = reparameterise(form_mu, form_logvar, generator)
    others = hand[single:].view(-1, 2, hands).flip(1).flatten(0, 1)  # of each half, the other one's
    each = torch.cat([hand[:single], others.repeat_interleave(half, dim=0)])
    writing = model.write(torch.cat([each, form], dim=1), labels)
    missing = reconstruction(model, writing, coarse, letters, generator, painter)
    hand_kl = kl_per_unit(hand_mu, hand_logvar).sum(dim=1)
    form_kl = kl_per_unit(form_mu - model.usual_form(each, labels), form_logvar).sum(dim=1)
    edges = edge_error(model, writing, x, painter)
    off = proportions(writing.metrics[single:], metrics)
    penalty = penalties(writing, how, share)
    count = len(labels)
    total = (
        missing.sum()
        + how.single_weight * (hand_kl[:single].sum() + form_kl[:single].sum())
        + how.hand_weight * hand_kl[single:].sum()
        + how.form_weight * form_kl[single:].sum()
        + edges.sum()
        + how.proportions * off.sum()
        + penalty
    ) / count
    return Terms(
        total,
        missing[:single].mean(),
        missing[single:].mean(),
        hand_kl.mean(),
        form_kl.mean(),
        edges.mean(),
        off.mean(),
    )


def some_combined(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return `combined` of the first one, two or up to all factors (writers, glyphs, hand) of each writer, as drawn."""
    writers, glyphs, _ = mu.shape
    counted = torch.arange(glyphs) <= torch.randint(glyphs, (writers, 1), generator=generator)  # (writers, glyphs)
    return combined(mu, logvar.masked_fill(~counted.unsqueeze(2), math.inf))  # a factor that says nothing


def reconstruction(  # noqa: PLR0917 (of what, to what, by what)
    model: Pen,
    writing: Writing,
    coarse: Tensor,
    letters: Tensor,
    generator: torch.Generator,
    painter: Painter = paint,
) -> Tensor:
    """Compute -log p(x|z, c) of the glyphs, (n,) nats.

    Args:
        model: The pen.
        writing: Of single characters, then of writers' glyphs.
        coarse: All of them at 28×28.
        letters: The writers' at 56×56; a draw decides at which of both they are compared.
        generator: Of the draw.
        painter: See `compute_loss`.
    """
    strokes, single = model.strokes(writing, hard=False), len(coarse) - len(letters)
    characters = Strokes(*(tensor[:single] for tensor in boxed(strokes, writing)))
    written = Strokes(*(tensor[single:] for tensor in strokes))
    right, down, is_coarse = torch.randint(2, (3,), generator=generator).tolist()
    if is_coarse:
        seen, places, edge = coarse[single:], model.places, COARSE_SOFTNESS
    else:
        seen, edge = letters[:, down::2, right::2], FINE_SOFTNESS
        places = pixel_centres(SIDE, 0.25 + 0.5 * right, 0.25 + 0.5 * down)
    target = torch.cat([coarse[:single], seen])
    ink = torch.cat(
        [
            painter(characters, writing.softness[:single].detach(), model.places),
            painter(written, torch.full((len(letters),), edge), places),
        ]
    )
    ink = ink.clamp(FAINTEST, 1 - FAINTEST)
    return functional.binary_cross_entropy(ink, target.flatten(1), reduction="none").sum(dim=1)


def edge_error(model: Pen, writing: Writing, x: Tensor, painter: Painter = paint) -> Tensor:
    """Compute the squared error of some of the characters x (n, 28, 28), whose gradient is of their softness alone."""
    some = slice(min(FITTED, len(x)))
    strokes = Strokes(*(tensor[some].detach() for tensor in boxed(model.strokes(writing, hard=False), writing)))
    return (painter(strokes, writing.softness[some], model.places) - x[some].flatten(1)).square().sum(dim=1)


def proportions(metrics: Tensor, true: Tensor) -> Tensor:
    """Compute the error of metrics (n, 4) in units of what is much, Huber's: (n,)."""
    off = torch.cat([(metrics[:, :1] / true[:, :1]).log(), metrics[:, 1:] - true[:, 1:]], dim=1)
    scaled = off / torch.tensor(METRIC_SCALES)
    return functional.huber_loss(scaled, torch.zeros_like(scaled), reduction="none").sum(dim=1)


def penalties(writing: Writing, how: PenTraining, share: float) -> Tensor:
    """Add up the penalties of a batch."""
    control, presence = writing.control, writing.presence
    bend = (control[:, :, 2:] - 2 * control[:, :, 1:-1] + control[:, :, :-2]).square().sum()
    log_radius = writing.radius.log()
    swelling = (log_radius - log_radius.mean(dim=(1, 2), keepdim=True)).square().sum()
    undecided = (presence * (1 - presence)).sum()
    decision = how.decision * max(0.0, share - how.decide)
    penalty: Tensor = (
        how.bending * bend + how.swelling * swelling + how.sparsity * presence.sum() + decision * undecided
    )
    return penalty


def compiled_painter() -> Painter:
    """Return `paint`, compiled if there is a C++ compiler: a step then takes half the time."""
    return torch.compile(paint, dynamic=False) if shutil.which(os.environ.get("CXX", "g++")) else paint


class Training:
    """Model, optimisers and schedules, advanced one step at a time.

    Args:
        model: With fresh weights.
        drawer: Of batches.
        how: Settings of the training.
        restore: Called once, after `how.restore` of the steps.
    """

    def __init__(
        self, model: Pen, drawer: Drawer, how: PenTraining, restore: Callable[[Pen], object] | None = None
    ) -> None:
        self.model, self.drawer, self.how, self.restore = model, drawer, how, restore
        self.painter = compiled_painter() if how.steps >= MANY_STEPS else paint
        self.done = 0
        matrices = [layer.linear.weight for layer in model.modules() if isinstance(layer, ConditionedLinear)]
        others = [weight for weight in model.parameters() if all(weight is not matrix for matrix in matrices)]
        # Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024, at the rate that suits Adam.
        self.muon = torch.optim.Muon(
            matrices, how.learning_rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw", ns_steps=NEWTON_STEPS
        )
        self.adam = torch.optim.Adam(others, how.learning_rate, betas=(0.9, 0.99), fused=True)
        self.muon_schedule = torch.optim.lr_scheduler.LambdaLR(self.muon, self.rate)
        self.adam_schedule = torch.optim.lr_scheduler.LambdaLR(self.adam, self.rate)

    def rate(self, step: int) -> float:
        """Return the share of the highest learning rate at a step."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.how.steps))
        return min(1.0, (step + 1) / (RISE * self.how.steps)) * (LOWEST_RATE + (1 - LOWEST_RATE) * cosine)

    def step(self) -> Terms:
        """Train for one step; batch and noise are functions of seed and step, so that nothing needs restoring."""
        if self.restore and self.done == round(self.how.restore * self.how.steps):
            self.restore(self.model)
        generator = torch.Generator().manual_seed(self.how.seed * 1_000_003 + self.done)
        share = self.done / self.how.steps
        terms = compute_loss(self.model, self.drawer, self.how, share, generator, self.painter)
        self.model.zero_grad()
        terms.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 50.0)
        for optimiser, schedule in ((self.muon, self.muon_schedule), (self.adam, self.adam_schedule)):
            optimiser.step()  # type: ignore[no-untyped-call]
            schedule.step()
        self.done += 1
        return terms

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""
        return {"done": self.done} | {name: getattr(self, name).state_dict() for name in PARTS}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self.done = state["done"]
        for name in PARTS:
            getattr(self, name).load_state_dict(state[name])


PARTS = ("model", "muon", "adam", "muon_schedule", "adam_schedule")
Measure = Callable[[Pen], dict[str, float]]


def train_pen(  # noqa: PLR0917 (what, on what, where, how)
    model: Pen,
    singles: Split,
    lettering: Lettering,
    folder: Path,
    how: PenTraining,
    measure: Measure | None = None,
    *,
    restore: Callable[[Pen], object] | None = None,
    progress: Progress = no_progress,
) -> Pen:
    """Train a pen; an interrupted training continues from its checkpoint in `folder`.

    Args:
        model: With fresh weights; trained in place.
        singles: Single characters, with labels of the pen.
        lettering: Writers' glyphs.
        folder: Of the checkpoint and metrics.csv.
        how: Settings.
        measure: Called at each checkpoint; its results become columns of metrics.csv.
        restore: See `Training`.
        progress: Called with the steps done and the steps in all.
    """
    training = Training(model, Drawer(singles, lettering, how), how, restore)
    checkpoint, metrics = folder / CHECKPOINT, folder / METRICS
    if checkpoint.exists():
        training.load_state_dict(torch.load(checkpoint, weights_only=True))
    sums: dict[str, float] = {}
    counted = 0
    for done in range(training.done + 1, how.steps + 1):
        terms = training.step()
        sums = {name: sums.get(name, 0.0) + value.item() for name, value in terms._asdict().items()}
        counted += 1
        progress(done, how.steps)
        if done % CHECKPOINT_EVERY == 0 or done == how.steps:
            with replacing(checkpoint) as temporary:
                torch.save(training.state_dict(), temporary)
            row = {name: value / counted for name, value in sums.items()}
            row |= measure(model) if measure else {}
            written = {"step": str(done)} | {name: f"{value:.5g}" for name, value in row.items()}
            add_row(metrics, written, first=not metrics.exists())
            sums, counted = {}, 0
    return model.eval()


def last_losses(folder: Path) -> dict[str, float]:
    """Return the last row of metrics.csv in the folder of a training: means over its last steps, by column."""
    with (folder / METRICS).open(encoding="utf-8", newline="") as file:
        *_, last = csv.DictReader(file)
    return {name: float(value) for name, value in last.items()}


def held_out(model: Pen, images: Tensor, label: Tensor) -> dict[str, float]:
    """Measure the reconstruction of single characters never trained on, at the mean of their latents.

    Args:
        model: The pen.
        images: uint8 (n, 28, 28).
        label: (n,) int64.
    """
    with torch.inference_mode():
        x = images.float() / 255
        mu, _ = model.with_prior(*model.posterior(x, label))
        off = (model.ink(model.write(mu, label)) - x.flatten(1)).square().mean(dim=1)
    by_label = [off[label == one].mean() for one in torch.unique(label)]
    return {"held_out/mse": float(torch.stack(by_label).mean())}
