"""The paper's equations at work: the gap of (4), the ring of section 2.1, and figure 1."""

from typing import Any, cast

import torch

from glyphvae_training.data.dataset import balanced
from glyphvae_training.evaluation.coder import Trained
from glyphvae_training.fitting.objective import kl_divergence
from glyphvae_training.models.families import build_model
from glyphvae_training.models.vae import VAE
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.gap import aggregate_kl, gaps
from glyphvae_training.study.gradient import disagreement, gradients, variance_figure, variance_rows
from glyphvae_training.study.plan import FIGURE_3
from glyphvae_training.study.ring import ring_figure
from glyphvae_training.study.train import subsample

Json = dict[str, Any]

# Of two latents, so that p(x) is an integral over a plane.
MODEL = FIGURE_3[2]
# Latents that estimate each ELBO, for each of the points of a scatter.
DRAWS_PER_POINT = 2
# Of each digit: more make the curves of figure 1 smoother.
IMAGES = 2


def equations(context: StudyContext) -> Json:
    """Measure gap and gradients of the plain VAE of two latents, and draw all three figures."""
    run, data, points = context.run(MODEL), context.dataset("mnist"), context.schedule.points
    coder, characters = Trained(run), subsample(data.test, points)
    rows, figure = gaps(coder, balanced(data.test, 1), DRAWS_PER_POINT * points, context.track)
    context.figure("gap", figure)
    context.figure("ring", ring_figure())

    plan = context.plan(MODEL)
    with torch.random.fork_rng():
        torch.manual_seed(plan.training.seed)
        untrained = build_model(plan.kind, plan.model).eval()
    states = {"before training": cast("VAE", untrained), "after training": cast("VAE", run.model)}
    images = balanced(data.test, IMAGES).images
    variances, apart = {}, []
    for state, model in context.track(list(states.items()), "gradients"):
        found = gradients(model, torch.from_numpy(images).float() / 255, points, torch.Generator().manual_seed(0))
        variances[state] = variance_rows(found)
        apart += [{"state": state, **row} for row in disagreement(found)]
    context.figure("figure-1", variance_figure(variances))

    mu, logvar = coder.encode(characters.images, characters.labels)
    result = {
        "model": MODEL,
        "characters": len(characters),
        "mean_kl": float(kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar)).mean()),
        "aggregate_kl": aggregate_kl(mu, logvar),
        "elbo_draws": DRAWS_PER_POINT * points,
        "gradient_images": len(images),
        "gradient_draws": points,
    }
    gradient_rows = [{"state": state, **row} for state, rows in variances.items() for row in rows]
    tables = {"gaps": rows, "gradients": gradient_rows, "disagreement": apart}
    context.record("equations", result, tables)
    return {**result, **tables}
