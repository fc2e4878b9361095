"""Second stage of the pen: the priors of hand and form.

Both KLs have weights below 1 while strokes are learned, so the hands and forms of real characters are not N(0, I). A
flow is fitted to each by maximum likelihood (`glyphvae_training.fitting.prior`): the form's, less
the usual form of the hand, for each label, the hand's for all labels, from the hands of single characters and, for a
smaller part, of fonts.
"""

import copy
import math
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from glyphvae_training.data.alphabet import CHARACTERS
from glyphvae_training.data.dataset import Split
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.fitting.pen import pick
from glyphvae_training.fitting.prior import PriorConfig, fit_flow
from glyphvae_training.models.flow import Flow
from glyphvae_training.models.pen import Pen, combined
from glyphvae_training.progress import StageProgress, no_stage_progress

# Glyphs that a font's hand is drawn from: enough to know it, few enough to differ from one time to the next.
GLYPHS = 8
# Share of fonts among hands: in equal parts, strokes were 0.91 times as wide as those of characters.
FONTS = 0.2
# How much wider forms of characters are spread than posteriors: what latents do not hold of a character makes real ones
# harder to read than samples.
SPREAD = 1.2
ENCODED_AT_A_TIME = 512


def fit_priors(
    model: Pen, singles: Split, lettering: Lettering, config: PriorConfig, progress: StageProgress = no_stage_progress
) -> Pen:
    """Fit flows to the latents of a trained pen; returns a pen with them.

    Args:
        model: Without flows; it stays as it is.
        singles: What it was trained on.
        lettering: Likewise.
        config: How to fit each.
        progress: Called with the flow, its batches done and its batches in all.
    """
    fitted = Pen(replace(model.config, couplings=config.couplings))
    fitted.load_state_dict(model.state_dict(), strict=False)
    mu, logvar, label = posteriors(model, singles, lettering)
    hands = model.config.hand_size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        fitted.hand_flow = Flow(hands, 0, config.couplings)
        fitted.form_flow = Flow(model.config.form_size, model.config.label_count, config.couplings)
    form = mu[:, hands:] - model.usual_form(
        hands_of_all(mu[:, :hands], logvar[:, :hands], len(singles), lettering), label
    )
    fit_flow(fitted.form_flow, form.detach(), logvar[:, hands:], label, config, partial(progress, "prior of forms"))
    hand_mu, hand_logvar = hand_posteriors(mu[:, :hands], logvar[:, :hands], len(singles), lettering, config.seed)
    one_label = torch.zeros(len(hand_mu), dtype=torch.int64)
    fit_flow(fitted.hand_flow, hand_mu, hand_logvar, one_label, config, partial(progress, "prior of hands"))
    return fitted.eval()


@torch.no_grad()
def spread_forms(model: Pen) -> Pen:
    """Return a pen whose forms of letters and digits differ `SPREAD` times as much from the middle of their label.

    Args:
        model: With priors; it stays as it is.
    """
    spread = copy.deepcopy(model)
    assert spread.form_flow is not None  # noqa: S101 (it has priors)
    spread.form_flow.log_scale.weight[:CHARACTERS] += math.log(SPREAD)
    return spread


def posteriors(model: Pen, singles: Split, lettering: Lettering) -> tuple[Tensor, Tensor, Tensor]:
    """Return `mu` and `logvar` (n, latent) of every glyph, the hands as factors, and the labels (n,).

    Single characters come first.
    """
    coarse = functional.avg_pool2d(torch.from_numpy(lettering.images).float(), 2)
    labels = torch.from_numpy(singles.labels), torch.from_numpy(lettering.labels)
    first, second = factors(model, torch.from_numpy(singles.images), labels[0]), factors(model, coarse, labels[1])
    return torch.cat([first[0], second[0]]), torch.cat([first[1], second[1]]), torch.cat(labels)


@torch.inference_mode()
def factors(model: Pen, images: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Return `Pen.posterior` of many images (n, 28, 28), grey levels up to 255."""
    rows, labels = torch.split(images, ENCODED_AT_A_TIME), torch.split(label, ENCODED_AT_A_TIME)
    parts = [model.posterior(x.float() / 255, c) for x, c in zip(rows, labels, strict=True)]
    mu, logvar = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return mu, logvar


def hands_of_all(mu: Tensor, logvar: Tensor, singles: int, lettering: Lettering) -> Tensor:
    """Return the mean of the hand of each glyph, (glyphs, hand): a single character's own, or that of its writer.

    Args:
        mu: Factors of every glyph, (glyphs, hand).
        logvar: Likewise.
        singles: How many of the glyphs are single characters.
        lettering: The other glyphs.
    """
    hands = combined(mu[:, None], logvar[:, None])[0]
    writers = torch.from_numpy(lettering.writers)
    for writer in torch.unique(writers):
        rows = singles + torch.nonzero(writers == writer).squeeze(1)
        hands[rows] = combined(mu[None, rows], logvar[None, rows])[0]
    return hands


def hand_posteriors(mu: Tensor, logvar: Tensor, singles: int, lettering: Lettering, seed: int) -> tuple[Tensor, Tensor]:
    """Return mean and log variance (n, hand) of the hands of single characters, and of writers as `FONTS` says.

    Args:
        mu: Factors of every glyph, (glyphs, hand).
        logvar: Likewise.
        singles: How many of the glyphs are single characters.
        lettering: The other glyphs.
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    writers = torch.from_numpy(lettering.writers)
    rows = [singles + torch.nonzero(writers == writer).squeeze(1) for writer in torch.unique(writers)]
    draws = round(singles * FONTS / (1 - FONTS))
    drawn = torch.stack([pick(rows[one % len(rows)], GLYPHS, generator) for one in range(draws)])  # (draws, glyphs)
    own = combined(mu[:singles, None], logvar[:singles, None])
    shared = combined(mu[drawn], logvar[drawn])
    return torch.cat([own[0], shared[0]]), torch.cat([own[1], shared[1]])
