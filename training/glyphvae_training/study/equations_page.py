"""The part of docs/paper.md on the equations: the paper's, our own, and what is measured of them."""

from collections.abc import Iterable
from typing import Any

from glyphvae_training.evaluation.report import table
from glyphvae_training.study.equations import OURS, PAPER, Equation
from glyphvae_training.study.gradient import BASELINE, REPARAMETERISED, SCORE

Json = dict[str, Any]


def equations_section() -> str:
    """Format all equations as Markdown."""
    return f"""\
## The paper's equations

The numbers follow the paper's derivation as Doersch's "Tutorial on Variational Autoencoders" (arXiv:1606.05908) gives
it; the tutorial's own numbers are not always the same, and the words here are ours. An image is x, its latents are z,
the encoder is q(z|x), the decoder p(x|z) and the prior p(z) = N(0, I).

{listed(enumerate(PAPER, start=1))}

## Our equations

These are not the paper's.

{listed(zip("ABCD", OURS, strict=True))}"""


def listed(equations: Iterable[tuple[object, Equation]]) -> str:
    """Format equations with their numbers."""
    return "\n\n".join(entry(str(number), equation) for number, equation in equations)


def entry(number: str, equation: Equation) -> str:
    """Format an equation: how it follows, itself, its meaning and its line of code."""
    parts = [f"**({number}) {equation.name}**"]
    if equation.derivation:
        parts += [f"From ({int(number) - 1}):", formula(equation.derivation), "So"]
    parts += [
        formula(equation.formula),
        equation.meaning,
        f"`{equation.line}` in `{equation.function.__qualname__}`, [{equation.place}](../{equation.place})",
    ]
    return "\n\n".join(parts)


def formula(latex: str) -> str:
    """Format LaTeX as a block of code, in which Markdown leaves its backslashes alone."""
    return f"```math\n{latex}\n```"


def picture(name: str, text: str) -> str:
    """Format an image, with a link to its SVG file."""
    return f"![{text}](images/paper/{name}.png)\n\n[as SVG](images/paper/{name}.svg)"


def measured_section(result: Json) -> str:
    """Write the chapters on the gap, the ring and figure 1."""
    return "\n\n".join([gap_section(result), RING, figure_1(result)])


def gap_section(result: Json) -> str:
    """Write the section on the gap of the bound."""
    rows = result["gaps"]
    lines = [
        [
            str(row["label"]),
            f"{row['log_evidence']:.2f}",
            f"{row['elbo']:.2f} ± {row['elbo_error']:.2f}",
            f"{row['log_evidence'] - row['elbo']:.2f}",
            f"{row['gap']:.2f}",
            f"{row['left_over']:+.3f}",
            f"{tolerance(row):.3f}",
        ]
        for row in rows
    ]
    head = ["digit", "log p(x), (1)", "ELBO, (4)", "difference", "KL(q‖p(z\\|x)), (2)", "left over", "tolerance"]
    held = sum(abs(row["left_over"]) <= tolerance(row) for row in rows)
    return f"""\
## The gap of (4), measured

Training never sees how far its bound is below log p(x), because neither log p(x) nor p(z|x) can be computed in general.
With two latents both can, by adding up p(x|z) p(z) over a fine grid of z. This is `{result["model"]}`, the smaller VAE
of figure 3, on the first held-out image of each digit. Three numbers come from three places: log p(x) is (1) on the
grid, the ELBO is the mean of {result["elbo_draws"]:,} draws as in training (5, 7), and KL(q(z|x)‖p(z|x)) is (2) on the
grid, with p(z|x) by Bayes' rule (3). By (4) the third is the difference of the first two. All are in nats.

{table(head, lines)}

The tolerance is four standard errors of the ELBO and what the integrals change by on a grid of twice the step;
{held} of {len(rows)} are within it.
(p(x|z) of grey pixels is not normalised, so log p(x) is no true probability; (4) holds for it all the same.)

{picture("gap", "Posteriors p(z|x) and q(z|x) of the images with the smallest and the largest gap")}

The gap is what the encoder's answer costs. Where it is small, q(z|x) covers p(z|x), but for its shape: q(z|x) is a
Gaussian whose axes are those of the latents. Where it is large, q(z|x) lies beside p(z|x): there are latents from which
the decoder makes the image better than from those that the encoder names.

The KL in (4) is that of one image's posterior, and its mean is taken afterwards: {result["mean_kl"]:.2f} nats over
{result["characters"]:,} held-out digits. The KL of the aggregate posterior, all of them together, from the same prior
is {result["aggregate_kl"]:.2f} nats. The difference is what the latents say about which of the images it is."""


def tolerance(row: Json) -> float:
    """Compute by how much the two sides of (4) may differ, in nats."""
    return 4 * float(row["elbo_error"]) + float(row["quadrature_error"])


RING = f"""\
## Section 2.1: a ring out of a normal distribution

A prior as plain as N(0, I) is enough, because a function can turn it into any other distribution. The paper's example
is g(z) = z/10 + z/‖z‖. Each point keeps its direction, shown by its colour, and its distance r from the centre becomes
1 + r/10. In a VAE it is the decoder that learns such a function.

{picture("ring", "Points drawn from a normal distribution, and the ring that g makes of them")}

`return np.asarray(z / 10 + z / np.linalg.norm(z, axis=1, keepdims=True))` in `ring`,
[training/glyphvae_training/study/ring.py](../training/glyphvae_training/study/ring.py)"""


def figure_1(result: Json) -> str:
    """Write the section on the variance of the gradient."""
    rows = [row for row in result["gradients"] if row["averaged"] == 1]
    lines = [
        [
            row["state"],
            row["parameter"],
            *(rounded(row[name]) for name in (SCORE, BASELINE, REPARAMETERISED)),
            *(rounded(row[name] / row[REPARAMETERISED]) for name in (SCORE, BASELINE)),
        ]
        for row in rows
    ]
    head = ["model", "gradient by", SCORE, BASELINE, REPARAMETERISED, "ratio", "ratio with baseline"]
    apart = [row["root_mean_square"] for row in result["disagreement"]]
    return f"""\
## Figure 1: the gradient with and without the reparameterisation

**The paper** compares the gradient without the reparameterisation, as (6) has it, and with it, (7). **Ours** measures
both on `{result["model"]}`, with the weights it began with and those it ended with. Without (7) the encoder's gradient
comes from the score function (D). Both estimate the gradient of E[log p(x|z)] by mu and logvar = log sigma², from the
same latents: {result["gradient_draws"]:,} draws for each of {result["gradient_images"]} held-out digits.

{picture("figure-1", "Variance of three estimates of the gradient, by the number of draws averaged")}

They estimate the same: divided by its standard error, their difference has a root mean square of {min(apart):.2f} to
{max(apart):.2f}, where chance alone gives 1. What differs is their variance, here of a single draw in nats², added up
over the latents and averaged over the images:

{table(head, lines)}

The ratio is how many draws of the score function are worth one that is reparameterised. The score function knows how
likely the image is from each latent, but not in which direction it becomes likelier. A baseline takes away the mean of
log p(x|z), hundreds of nats that say nothing about the direction."""


def rounded(value: float) -> str:
    """Format a positive number with three digits, or as many as it has before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
