"""Figure 2: the latents of a plain VAE as training goes on."""

from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from glyphvae_training.export.exported import Floats
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.figures import DPI, legend, scatter
from glyphvae_training.study.latents import moments, neighbour_accuracy, silhouette
from glyphvae_training.study.record import read_latents
from glyphvae_training.study.train import subsample

Json = dict[str, Any]

LATENTS = 2
MODEL = f"vae-z{LATENTS}"
# Wide enough for four standard deviations of the prior; what lies outside is clipped in all pictures alike.
LIMIT = 4.5
TICKS = (-4, -2, 0, 2, 4)
FRAME_MILLISECONDS = 120
LAST_FRAME_MILLISECONDS = 3000


def epochs(context: StudyContext) -> Json:
    """Train the plain VAE, follow its latents, and draw figure 2 and its animation."""
    context.run(MODEL)
    data, schedule = context.dataset("mnist"), context.schedule
    last = schedule.epochs
    labels, folder = subsample(data.test, schedule.points).labels, context.folder(MODEL)
    latents = [read_latents(folder, epoch) for epoch in range(last + 1)]
    rows = [
        epoch_row(epoch, *latent, labels)
        for epoch, latent in enumerate(context.track(latents, "latents of every epoch"))
    ]
    shown = (schedule.early_epoch, last)
    means = {epoch: latents[epoch][0] for epoch in shown}
    context.figure("figure-2", scatters(means, labels, data.labels))
    context.figure("figure-2-moments", curves(rows))
    frames = [
        frame(f"epoch {epoch}", mu, labels, data.labels)
        for epoch, (mu, _) in enumerate(context.track(latents, "animation"))
    ]
    animate(frames, context)
    result = {"facts": context.facts(MODEL), "characters": len(labels), "shown": list(shown)}
    context.record("epochs", result, {"epochs": rows})
    return {**result, "epochs": rows}


def epoch_row(epoch: int, mu: Floats, logvar: Floats, labels: NDArray[np.int64]) -> Json:
    """Summarise the latents after an epoch."""
    found = moments(mu, logvar)
    return {
        "epoch": epoch,
        "mean": found.mean.tolist(),
        "variance": found.variance.tolist(),
        "neighbour_accuracy": neighbour_accuracy(mu, labels),
        "silhouette": silhouette(mu, labels),
    }


def scatters(means: dict[int, Floats], labels: NDArray[np.int64], names: tuple[str, ...]) -> Figure:
    """Draw posterior means at the epochs shown, side by side."""
    figure = Figure(figsize=(4.2 * len(means) + 0.8, 4.2), layout="constrained")
    panels = figure.subplots(1, len(means))
    for axes, (epoch, mu) in zip(panels, means.items(), strict=True):
        latent_axes(axes, f"epoch {epoch}", mu, labels, names)
    legend(panels[-1], names)
    return figure


def latent_axes(axes: Axes, title: str, mu: Floats, labels: NDArray[np.int64], names: tuple[str, ...]) -> None:
    """Draw posterior means, with the circle that holds 95 % of the prior."""
    scatter(axes, mu, labels, names)
    angle = np.linspace(0, 2 * np.pi, 100)
    radius = np.sqrt(-2 * np.log(0.05))
    axes.plot(radius * np.cos(angle), radius * np.sin(angle), color="0.6", linewidth=0.8)
    axes.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal", title=title, xlabel="z1", ylabel="z2")
    axes.set(xticks=TICKS, yticks=TICKS)


def curves(rows: list[Json]) -> Figure:
    """Draw moments of the aggregate posterior and separation of the classes, by epoch."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    epoch = [row["epoch"] for row in rows]
    mean, variance, separation = figure.subplots(1, 3)
    for axes, name, target in ((mean, "mean", 0), (variance, "variance", 1)):
        axes.plot(epoch, [row[name] for row in rows], label=["z1", "z2"])
        axes.axhline(target, color="0.6", linewidth=0.8)
        axes.set(xlabel="epoch", title=f"{name} of the aggregate posterior")
        axes.legend(frameon=False)
    separation.plot(epoch, [row["neighbour_accuracy"] for row in rows], label="k-nearest-neighbour accuracy")
    separation.plot(epoch, [row["silhouette"] for row in rows], label="silhouette")
    separation.set(xlabel="epoch", title="separation of the digits")
    separation.legend(frameon=False)
    return figure


def frame(title: str, mu: Floats, labels: NDArray[np.int64], names: tuple[str, ...]) -> Image.Image:
    """Draw one frame of the animation."""
    figure = Figure(figsize=(4, 4.2), layout="constrained")
    latent_axes(figure.subplots(), title, mu, labels, names)
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return Image.open(stream).convert("RGB")


def animate(frames: list[Image.Image], context: StudyContext) -> None:
    """Write the frames as one WebP file that stays on the last for a while."""
    path = context.pictures / "figure-2.webp"
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [LAST_FRAME_MILLISECONDS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=40, method=4)
