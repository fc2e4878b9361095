"""The eight equations the paper builds on, each with the line of code that computes it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glyphvae_training.fitting import objective, trainer
from glyphvae_training.study import latents, plan


@dataclass(frozen=True)
class Equation:
    """Equation of the paper, with the line of code that computes it.

    Attributes:
        name: of it.
        formula: as LaTeX.
        meaning: in words.
        function: which computes it.
        line: of that function.
    """

    name: str
    formula: str
    meaning: str
    function: Callable[..., Any]
    line: str

    @property
    def place(self) -> str:
        """The file, relative to the repository."""
        path = Path(inspect.getsourcefile(self.function) or "")
        return path.relative_to(Path(__file__).parents[3]).as_posix()


EQUATIONS = (
    Equation(
        "The evidence lower bound",
        r"\log p(x) \ge \mathbb{E}_{q(z|x)}[\log p(x|z)] - \mathrm{KL}(q(z|x) \,\|\, p(z))",
        "How likely a picture is under the model cannot be computed: it is a sum over every latent that might have "
        "made it. The right side can, and is never more. Its first term asks that the picture can be read back from "
        "its latent, its second that the latents of all pictures together look like the prior. What we report is the "
        "negative of the right side in nats, the length of a message that lets another hold the same picture; one nat "
        "is 1.44 bits.",
        trainer.terms,
        'f"{split}/negative_elbo": distortion + rate',
    ),
    Equation(
        "The reparameterisation",
        r"z = \mu(x) + \sigma(x) \odot \varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, I)",
        "The encoder gives a cloud, not a point. To draw from the cloud, noise that knows nothing of the encoder is "
        "stretched and shifted, so that the gradient passes through stretching and shifting back into the encoder.",
        objective.reparameterise,
        "return mu + (logvar / 2).exp() * eps",
    ),
    Equation(
        "The KL of two Gaussians",
        r"\mathrm{KL}(\mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0, 1)) = "
        r"\tfrac{1}{2}(\mu^2 + \sigma^2 - 1 - \log \sigma^2)",
        "What a latent costs. It is 0 only for mu = 0 and sigma = 1, when the latent says nothing about the picture; "
        "it grows as the cloud moves away from the middle or gets smaller.",
        objective.kl_per_unit,
        "return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)",
    ),
    Equation(
        "The Bernoulli reconstruction",
        r"-\log p(x|z) = -\sum_{i=1}^{784} [x_i \log s(l_i) + (1 - x_i) \log(1 - s(l_i))]",
        "The decoder gives the log odds l of ink for each pixel; s turns them into a probability. It is a sum over the "
        "pixels. With a mean instead, the KL would weigh 784 times as much, and the latents would fall silent.",
        objective.reconstruction,
        'binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(dim=1)',
    ),
    Equation(
        "The β objective",
        r"L_\beta = \mathbb{E}_{q(z|x)}[-\log p(x|z)] + \beta\, \mathrm{KL}(q(z|x) \,\|\, p(z))",
        "The same two terms, with a price β on what the latents say. With β = 1 it is the negative bound.",
        objective.loss,
        "return Loss(distortion.mean() + beta * counted, distortion, per_unit.sum(dim=1), per_unit)",
    ),
    Equation(
        "The conditional objective",
        r"L = \mathbb{E}_{q(z|x,c)}[-\log p(x|z,c)] + \beta\, \mathrm{KL}(q(z|x,c) \,\|\, p(z))",
        "Encoder and decoder are both told which character it is. The latents need not say it again, and are left with "
        "the hand it was written in.",
        trainer.Autoencoder.forward,
        "logits = self.model.decode(self._latents(mu, logvar), batch.label)",
    ),
    Equation(
        "The second moment of the aggregate posterior",
        r"q(z) = \mathbb{E}_x[q(z|x)], \qquad \mathbb{E}_{q(z)}[z^2] = \mathbb{E}[\mu^2] + \mathbb{E}[\sigma^2] = 1",
        "The clouds of all pictures together. Make a latent a little larger and let the decoder divide by as much: the "
        "pictures stay, only the KL changes. Where training has come to rest that must gain nothing, and this is so "
        "exactly when the second moment is 1, whatever β. What the mean of a latent does not vary, its noise does.",
        latents.Moments.second_moment.fget,  # type: ignore[attr-defined]
        "return self.mean**2 + self.mu_variance + self.mean_variance",
    ),
    Equation(
        "β without units",
        r"\beta_\mathrm{norm} = \beta \, \frac{\text{latents}}{784}",
        "A price for each latent is set against a gain for each pixel. This is the number to compare with papers that "
        "take means instead of sums.",
        plan.beta_norm,
        "return beta * latent_size / (28 * 28)",
    ),
)


def equations_section() -> str:
    """Format the equations as Markdown."""
    return "\n\n".join(
        f"**{number}. {equation.name}**\n\n$${equation.formula}$$\n\n{equation.meaning}\n\n"
        f"`{equation.line}` in `{equation.function.__qualname__}`, "
        f"[{equation.place}](../{equation.place})"
        for number, equation in enumerate(EQUATIONS, start=1)
    )
