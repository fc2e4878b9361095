"""The eight equations of the paper, then our own, each with the line of code that computes it.

The paper's numbers follow its derivation as Doersch, "Tutorial on Variational Autoencoders" (arXiv:1606.05908), section
2, gives it; the tutorial's own numbers are not always the same.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glyphvae_training.fitting import objective, trainer
from glyphvae_training.study import gap, gradient, latents, plan


@dataclass(frozen=True)
class Equation:
    """Equation with the line of code that computes it.

    Attributes:
        name: of it.
        formula: as LaTeX.
        meaning: in words.
        function: which computes it.
        line: of that function.
        derivation: from the equation before, as LaTeX; empty where it does not follow from that.
    """

    name: str
    formula: str
    meaning: str
    function: Callable[..., Any]
    line: str
    derivation: str = ""

    @property
    def place(self) -> str:
        """The file, relative to the repository."""
        path = Path(inspect.getsourcefile(self.function) or "")
        return path.relative_to(Path(__file__).parents[3]).as_posix()


PAPER = (
    Equation(
        "The evidence",
        r"p(x) = \int p(x|z)\, p(z)\, dz",
        "How likely an image is under the model: the decoder's p(x|z), averaged over all latents that the prior may "
        "draw. Nearly all of them make another image and add next to nothing, so that the integral cannot be found by "
        "drawing from the prior. With two latents it can be added up on a grid, and the gap below needs it.",
        gap.integrate,
        "log_evidence = float(logsumexp(joint) + np.log(grid.cell))",
    ),
    Equation(
        "The distance to the posterior",
        r"\mathrm{KL}(q(z) \,\|\, p(z|x)) = \mathbb{E}_{z \sim q}[\log q(z) - \log p(z|x)]",
        "The latents that do make the image x are those of p(z|x). We want a density q that can be drawn from and is "
        "near it. The Kullback-Leibler divergence (KL) says how near: it is never negative, and 0 only if both are the "
        "same.",
        gap.integrate,
        "gap = float((np.exp(log_q) * (log_q - log_posterior)).sum() * grid.cell)",
    ),
    Equation(
        "The same by Bayes' rule",
        r"\mathrm{KL}(q(z) \,\|\, p(z|x)) = \mathbb{E}_{z \sim q}[\log q(z) - \log p(x|z) - \log p(z)] + \log p(x)",
        "Bayes' rule puts what the model has, decoder and prior, in the place of p(z|x), which it does not have. The "
        "evidence comes out of the expectation, because it is the same for every z.",
        gap.integrate,
        "log_posterior = likelihood + grid.log_prior - log_evidence",
        r"""\begin{aligned}
p(z|x) &= \frac{p(x|z)\, p(z)}{p(x)} && \text{(Bayes' rule)} \\
\log p(z|x) &= \log p(x|z) + \log p(z) - \log p(x) && \text{(its logarithm)} \\
\mathrm{KL}(q(z) \,\|\, p(z|x)) &= \mathbb{E}_{z \sim q}[\log q(z) - \log p(x|z) - \log p(z) + \log p(x)]
  && \text{(in (2))}
\end{aligned}""",
    ),
    Equation(
        "The evidence lower bound",
        r"\log p(x) - \mathrm{KL}(q(z|x) \,\|\, p(z|x)) = "
        r"\mathbb{E}_{z \sim q(z|x)}[\log p(x|z)] - \mathrm{KL}(q(z|x) \,\|\, p(z))",
        "The right side is the bound (ELBO). It can be computed, and since the KL on the left is never negative, it is "
        "never more than log p(x); that KL is the gap. The first term on the right asks that the image can be read "
        "back from its latents. The second compares the posterior q(z|x) of this one image with the prior, not "
        "that of all images together: it is what the latents say about this image. Raising the bound raises "
        "log p(x), or brings q(z|x) nearer to p(z|x), or both. We report the negative of the bound in nats, the length "
        "of a message that lets another hold the same image; one nat is 1.44 bits.",
        trainer.terms,
        'f"{split}/negative_elbo": distortion + rate',
        r"""\begin{aligned}
\log p(x) - \mathrm{KL}(q(z) \,\|\, p(z|x)) &= \mathbb{E}_{z \sim q}[\log p(x|z) - (\log q(z) - \log p(z))]
  && \text{((3), rearranged)} \\
&= \mathbb{E}_{z \sim q}[\log p(x|z)] - \mathrm{KL}(q(z) \,\|\, p(z)) && \text{(definition of the KL)} \\
q(z) &:= q(z|x) = \mathcal{N}(\mu(x), \sigma^2(x)) && \text{(any } q \text{ will do: the encoder's)}
\end{aligned}""",
    ),
    Equation(
        "The KL of two Gaussians",
        r"""\begin{aligned}
\mathrm{KL}(\mathcal{N}(\mu_0, \Sigma_0) \,\|\, \mathcal{N}(\mu_1, \Sigma_1)) &= \tfrac{1}{2}\left[
  \mathrm{tr}(\Sigma_1^{-1} \Sigma_0) + (\mu_1 - \mu_0)^\top \Sigma_1^{-1} (\mu_1 - \mu_0) - k
  + \log \frac{\det \Sigma_1}{\det \Sigma_0} \right] \\
\mathrm{KL}(\mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0, I)) &= \tfrac{1}{2} \sum_{j=1}^{k}
  \left[ \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right]
\end{aligned}""",
        "The second term of (4) in closed form, with k latents. The second line is the first for a diagonal covariance "
        "and the prior. A latent costs nothing only for mu = 0 and sigma = 1, when it says nothing about the image; it "
        "costs more as mu moves away from 0 or sigma gets smaller.",
        objective.kl_per_unit,
        "return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)",
    ),
    Equation(
        "The objective over the data",
        r"\mathbb{E}_{x \sim D}\left[ \mathbb{E}_{z \sim q(z|x)}[\log p(x|z)] - "
        r"\mathrm{KL}(q(z|x) \,\|\, p(z)) \right]",
        "The bound, averaged over the images of the data set D. Training takes the mean over a batch, and its negative "
        "as the loss. The KL is taken for each image first and averaged then.",
        objective.loss,
        "return Loss(distortion.mean() + beta * counted, distortion, per_unit.sum(dim=1), per_unit)",
    ),
    Equation(
        "The reparameterised objective",
        r"\mathbb{E}_{x \sim D}\left[ \mathbb{E}_{\varepsilon \sim \mathcal{N}(0, I)}[\log p(x|z = \mu(x) + "
        r"\Sigma^{1/2}(x)\, \varepsilon)] - \mathrm{KL}(q(z|x) \,\|\, p(z)) \right]",
        "In (6) the latents are drawn from a density that depends on the encoder, and no gradient passes through a "
        "draw. Here the noise does not depend on the encoder; it is scaled and shifted, and the gradient passes "
        "through both. Σ is diagonal, so that its root is sigma. Figure 1 shows what that gains.",
        objective.reparameterise,
        "return mu + (logvar / 2).exp() * eps",
    ),
    Equation(
        "The conditional objective, with β",
        r"\mathbb{E}_{(x, c) \sim D}\left[ \mathbb{E}_{z \sim q(z|x,c)}[\log p(x|z,c)] - "
        r"\beta\, \mathrm{KL}(q(z|x,c) \,\|\, p(z)) \right]",
        "Encoder and decoder are both told the label c. The latents need not say it again, and are left with the hand "
        "it was written in. β is the price of what they say. With β = 1 this is (6) for each label; without c it is "
        "the β-VAE.",
        trainer.Autoencoder.forward,
        "logits = self.model.decode(self._latents(mu, logvar), batch.label)",
    ),
)

OURS = (
    Equation(
        "The Bernoulli reconstruction",
        r"-\log p(x|z) = -\sum_{i=1}^{784} [x_i \log s(l_i) + (1 - x_i) \log(1 - s(l_i))]",
        "The decoder gives the log odds l of ink for each pixel; s turns them into a probability. It is a sum over the "
        "pixels. With a mean instead, the KL would weigh 784 times as much, and the latents would fall silent.",
        objective.reconstruction,
        'binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(dim=1)',
    ),
    Equation(
        "The second moment of the aggregate posterior",
        r"q(z) = \mathbb{E}_x[q(z|x)], \qquad \mathbb{E}_{q(z)}[z^2] = \mathbb{E}[\mu^2] + \mathbb{E}[\sigma^2] = 1",
        "The aggregate posterior is that of all images together. Make a latent a little larger and let the decoder "
        "divide by as much: the images stay, only the KL changes. Where training has come to rest that must gain "
        "nothing, and this is so exactly when the second moment is 1, whatever β. What the mean of a latent does not "
        "vary, its noise does.",
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
    Equation(
        "The score-function gradient",
        r"\nabla\, \mathbb{E}_{z \sim q}[\log p(x|z)] = "
        r"\mathbb{E}_{z \sim q}[(\log p(x|z) - b)\, \nabla \log q(z|x)]",
        "The gradient without the reparameterisation, which figure 1 compares. It holds for every baseline b that does "
        "not depend on z; ours is the mean of log p(x|z) over the other draws.",
        gradient.image_gradients,
        "BASELINE: score * (read - others)",
    ),
)

EQUATIONS = (*PAPER, *OURS)
