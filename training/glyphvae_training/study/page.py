"""docs/paper.md, written from the results of the experiments."""

import json
from pathlib import Path
from typing import Any

from glyphvae_training.evaluation.report import percent, table
from glyphvae_training.study.context import RESULTS
from glyphvae_training.study.equations_page import equations_section, measured_section, picture
from glyphvae_training.study.theory import TOLERANCE

Json = dict[str, Any]

INTRODUCTION = """\
The paper "Introduction to Variational AutoEncoder" has eight equations, and shows its results as pictures. Here are the
equations with the code that computes them, and the pictures made again, with the numbers that they lack. Everything on
this page, pictures included, is written by one command:

    glyphvae study all --data DATA

`glyphvae study equations`, `epochs`, `latent-size`, `traversal` and `beta` do one experiment each; `--quick` does the
same with the small sample in `tests/data`. Every number is in [`paper`](paper) as JSON and CSV, every picture is here
as PNG and SVG.

A variational autoencoder (VAE) is two networks. The **encoder** looks at a picture x and says where it lies on a map:
not a point but a small cloud, with the middle mu and the width sigma. The **decoder** takes a place z on the map and
draws what is there. The numbers that make up a place are the **latents**. Both are trained together to give back the
pictures they are shown, at a price for every cloud that differs from the one that all would have if the map said
nothing, N(0, I), the **prior**. So whoever wants a new picture draws a place from the prior and asks the decoder. A
*conditional* VAE is also told which character it is to read or write."""

REDUCTION = """\
**What β means here.** The reconstruction is a sum over the 784 pixels, the loss a mean over the images of a batch. A β
from a paper that takes means over pixels is 784 times as strong as the same number here; β_norm, (C) above, is the one
to compare."""


def write_page(docs: Path) -> Path:
    """Write paper.md from the JSON files beside it of the experiments done so far; returns its path."""
    chapters = {
        "equations": measured_section,
        "epochs": figure_2,
        "latent-size": figure_3,
        "traversal": figure_4,
        "beta": figures_5_and_6,
    }
    parts = ["# The paper's experiments", INTRODUCTION, equations_section(), REDUCTION]
    facts: list[Json] = []
    for name, chapter in chapters.items():
        path = docs / RESULTS / f"{name}.json"
        if path.is_file():
            result = json.loads(path.read_text(encoding="utf-8"))
            parts.append(chapter(result))
            facts += result.get("models", [])
            facts += [result["facts"]] if "facts" in result else []
    if facts:
        parts.append(training_section(facts))
    page = docs / "paper.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def numbers(values: list[float], digits: int = 2) -> str:
    """Format one number for each latent."""
    return ", ".join(f"{value:.{digits}f}" for value in values)


def figure_2(result: Json) -> str:
    """Write the section on the latents by epoch."""
    early, late = result["shown"]
    shown = [row for row in result["epochs"] if row["epoch"] in {0, 1, early, late}]
    lines = [
        [
            str(row["epoch"]),
            numbers(row["mean"]),
            numbers(row["variance"]),
            percent(row["neighbour_accuracy"]),
            f"{row['silhouette']:.3f}",
        ]
        for row in shown
    ]
    head = ["epoch", "mean of z1, z2", "variance of z1, z2", "k-NN accuracy", "silhouette"]
    return f"""\
## Figure 2: the map takes shape

**The paper** trains a plain VAE with two convolutional layers, batch normalisation and ReLU, and shows where the digits
lie on its map at epoch 10 and at epoch 100: from a crowd towards clusters that together fill a normal distribution.

**Ours** is the same network with two latents, on MNIST, for {late} epochs. Each point is one of
{result["characters"]:,} digits that training never saw, at the middle mu of its cloud and in the colour of the digit,
which the model was never told. The grey circle holds 95 % of the prior.

{picture("figure-2", f"Latents at epoch {early} and epoch {late}")}

![The same at every epoch](images/paper/figure-2.webp)

All clouds together are the *aggregate posterior*. If the map is to be of use for drawing new pictures, it must look
like the prior: mean 0 and variance 1 on each of its axes. How well the digits are told apart is measured twice.
**k-NN accuracy**: of how many points do most of the 10 nearest neighbours show the same digit? **Silhouette**: how much
nearer is a point to its own digit than to the next one, from −1 to 1?

{table(head, lines)}

{picture("figure-2-moments", "Moments and separation by epoch")}

Most of it happens early: the order of the map is laid down in the first epochs, later ones sharpen the borders. The
mean comes back to 0 slowly, since there is little to gain: a shift of the whole map by a half costs an eighth of a nat,
a thousandth of the loss."""


def figure_3(result: Json) -> str:
    """Write the section on two latents against 23."""
    rows = result["models"]
    head = ["", *(f"{row['latent_size']} latents" for row in rows)]
    lines = [
        ["−ELBO, nats per image", *(f"{row['negative_elbo']:.1f}" for row in rows)],
        ["rate (KL), nats", *(f"{row['rate']:.1f}" for row in rows)],
        ["distortion, nats", *(f"{row['distortion']:.1f}" for row in rows)],
        ["active units", *(str(row["active_units"]) for row in rows)],
        ["MSE per pixel", *(f"{row['mse']:.4f}" for row in rows)],
        ["MSE of PCA with as many components", *(f"{row['pca_mse']:.4f}" for row in rows)],
        ["k-NN accuracy in the latents", *(percent(row["neighbour_accuracy"]) for row in rows)],
        ["k-NN accuracy in the drawing", *(percent(row["neighbour_accuracy_drawn"]) for row in rows)],
        ["silhouette in the latents", *(f"{row['silhouette']:.3f}" for row in rows)],
    ]
    return f"""\
## Figure 3: two latents against 23

**The paper** sets a map of two latents beside one of 23, the latter flattened by t-SNE: with two the digits overlap,
with 23 they come apart.

**Ours**: the same network twice, {rows[0]["epochs"]} epochs each.

{picture("figure-3", "Both latent spaces")}

t-SNE draws points that are near in 23 dimensions near each other on paper; what is far apart on paper says little. So
the overlap is measured in the latents themselves, beside that in the drawing, on {result["characters"]:,} held-out
digits; the rest on all {rows[0]["images"]:,}.

{table(head, lines)}

PCA is the best that straight lines can do. A VAE with two latents bends its map, and with the same two numbers gives
back a better picture. With 23 latents it says more about each picture (the rate) and gets more back (the distortion);
the latents it has no use for fall silent, which is why the active units may be fewer than 23.

This is what lies where on the map of two:

{picture("figure-3-manifold", "Decoded latents, a grid over the prior")}

More latents give better reconstructions, not of themselves better *new* pictures: in 23 dimensions there is more room
between the digits, and a place drawn from the prior may fall into it.

{picture("figure-3-samples", "Samples of both")}"""


def figure_4(result: Json) -> str:
    """Write the section on the effect of each latent."""
    rows = result["latents"]
    names = list(result["spread"])
    units = {"slant": "°"}
    head = ["latent", *(f"{name} (J)" for name in names), "so it goes from … to …"]
    lines = [
        [
            row["latent"],
            *(
                f"{row[f'{name}, all labels']:+.1f} ({row[f'{name}, J']:+.1f}) {units.get(name, 'px')}"
                for name in names
            ),
            row["words"],
        ]
        for row in rows
    ]
    spread = ", ".join(f"{name} {value:.1f} {units.get(name, 'px')}" for name, value in result["spread"].items())
    reach = result["reach"]
    return f"""\
## Figure 4: what a latent does

**The paper** gives a conditional VAE six latents, x1 to x6, and the label 19, which is J; moving one latent changes the
hand and not the letter. Then it writes a sentence in one style.

**Ours** is `{result["model"]}`, the model of β = 1 below. In each row one latent goes from −{reach:g} to {reach:g}, and
the others stay 0.

{picture("figure-4", "J, as one latent moves")}

To put names to the axes, four things are measured on every glyph of the rows: slant (how far the letter leans, from the
moments of its ink), stroke width (from the distance of its ink to the paper), width and height. The table says how much
each changes from one end of a row to the other: the mean of all labels, and in parentheses that of J.

{table(head, lines)}

An axis is named after a measure if it changes it by at least half of what real characters of one label differ by
(standard deviations: {spread}).
The two strongest give the name. What no measure catches is called the form of the strokes.

One sentence in five styles; each line is one latent for all its glyphs:

{picture("figure-4-styles", "A sentence in five styles")}"""


def figures_5_and_6(result: Json) -> str:
    """Write the section on the effect of beta."""
    rows = result["models"]
    head = ["β", "β_norm", "rate", "distortion", "−ELBO", "active units", "label accuracy", "0/O, 1/I merged"]
    lines = [
        [
            f"{row['beta']:g}",
            f"{row['beta_norm']:.2g}",
            f"{row['rate']:.2f}",
            f"{row['distortion']:.1f}",
            f"{row['negative_elbo']:.1f}",
            str(row["active_units"]),
            percent(row["label_accuracy"]),
            percent(row["label_accuracy_merged"]),
        ]
        for row in rows
    ]
    units = [
        [f"{row['beta']:g}", numbers(row["mu_variance_per_unit"], 3), numbers(row["mean_variance_per_unit"], 3)]
        for row in rows
    ]
    verdicts = [
        [check["statement"], check["found"], "yes" if check["holds"] else "**no**"] for check in result["checks"]
    ]
    return f"""\
## Figure 5: the price of a latent

**The paper** trains its conditional VAE with β from 0.001 to 1024, and shows for each the latents through t-SNE and
pictures made from it: a small β gives the better reconstruction, a large one the more regular latents, until at the
largest all pictures of a label are the same.

**Ours**: seven conditional VAEs that differ in β alone, each trained from fresh weights for {rows[0]["epochs"]} epochs.
Reduction of the loss: {result["reduction"]}.

{picture("figure-5", "Latents and samples for each beta")}

Above, latents drawn from the clouds of {result["characters"]:,} held-out characters, through t-SNE, coloured by label.
In the middle, what each model gives back of the real characters on the left. Below, samples: each row a label, each
column one latent, the same three for every β.

{table(head, lines)}

Rate is what the latents say about a picture, distortion what is still missing, both in nats per held-out image. Label
accuracy is how often a classifier trained on real characters only reads what the sample was asked to be,
{result["samples"]} samples of each label. It is best at the largest β, where every sample is the same: it has to be
read beside the variety of the samples, never alone.

{picture("figure-5-rate-distortion", "Rate against distortion, and what becomes of units and samples")}

The curve has a slope at every point: how many nats of distortion one more nat of rate would save. Training goes along
it until that is exactly β. This is what β is: the price at which a latent may speak.

{converged(result["not_converged"])}

## Figure 6: which latents are worth showing

**The paper** looks at the variance of each latent to choose those worth showing. A latent speaks if its mu differs from
picture to picture; it is noise if sigma is near 1 for all of them. **Active** are those whose mu has a variance of at
least 0.01.

{picture("figure-6", "Variance of mu and mean of sigma² for each latent and beta")}

{table(["β", "variance of mu, x1 to x6", "mean sigma², x1 to x6"], units)}

`glyphvae rank MODEL` puts the latents of any exported model in this order.

## What theory demands, checked

These hold at the minimum of the objective, so they are measured on characters the models were trained on, each label
equally often, as in training. D is the distortion, R the rate. The tolerance of slopes and second moments is
{TOLERANCE:.0%}; what does not hold is printed as such.

{table(["theory says", "found", "holds"], verdicts)}"""


def converged(missing: list[float]) -> str:
    """Say which models training has not brought to the minimum of their objective."""
    if not missing:
        return "All seven came to the minimum of their objective, as far as the table below can tell."
    named = ", ".join(f"{beta:g}" for beta in missing)
    return f"""\
**Not converged in this budget**: the models of β = {named}. The table below says why: another model is better on their
own objective, or a latent's second moment is not 1. The smaller β is, the less the objective feels the scale of a
latent."""


def training_section(facts: list[Json]) -> str:
    """Write the section on training times."""
    head = [
        "model",
        "latents",
        "β",
        "encoder",
        "decoder",
        "epochs",
        "batch",
        "precision",
        "wall time",
        "processor time",
    ]
    lines = [
        [
            f"`{row['model']}`",
            str(row["latent_size"]),
            f"{row['beta']:g}",
            row["encoder"],
            row["decoder"],
            str(row["epochs"]),
            str(row["batch_size"]),
            row["precision"],
            minutes(row["wall_seconds"]),
            minutes(row["processor_seconds"]),
        ]
        for row in facts
    ]
    return f"""\
## Training

One thread for each model. Wall time depends on what else the machine did;
processor time hardly does.

{table(head, lines)}"""


def minutes(seconds: float) -> str:
    """Format a duration."""
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
