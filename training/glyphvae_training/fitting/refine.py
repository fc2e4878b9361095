"""Third stage: trains decoder and prior until a critic can hardly tell samples from real characters.

The sum over pixels that a VAE is trained with prefers a blurred stroke to one in the wrong place, and the likelihood
that the prior was fitted with prefers a latent between two shapes to a shape it misses. Here decoder and flow are
trained on the resulting images. The encoder stays as it is, so that the model remains the VAE it was.

    loss = reconstruction_weight · [-log p(x|z)] + prior_weight · [-log p(z|c)], z ~ q(z|x, c)
         + [critic's loss of samples] + critic_weight · [its loss of reconstructions]
         + reader_weight · w(c) · max(0, -log r(c|x) - margin) of samples

The first two terms keep each latent what it was, and every real character within reach of the prior. The critic's loss
is softplus(-critic) (Goodfellow et al., arXiv:1406.2661, and with reconstructions Larsen et al., "Autoencoding beyond
pixels using a learned similarity metric", arXiv:1512.09300). r is a classifier of real characters (Odena et al.,
arXiv:1610.09585) that is none of the judges of an evaluation; samples that it reads within the margin cost nothing, and
0/O and 1/I count as one. w(c) shifts the weight to the labels that it reads worst, so that the others keep their
variety.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from glyphvae_training.data.batches import balanced_order
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import RunError
from glyphvae_training.files import replacing
from glyphvae_training.fitting.critic import Critic, gradient_penalty, jitter
from glyphvae_training.fitting.objective import reconstruction, reparameterise
from glyphvae_training.fitting.runs import Run
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.measure import main_groups, merged_labels
from glyphvae_training.models.cvae import CVAE
from glyphvae_training.models.flow import Flow
from glyphvae_training.progress import Progress, no_progress

CHECKPOINT = "refinement.ckpt"
CHECKPOINT_EVERY = 500
# Steps over which the learning rates rise; a cosine then takes them to this share of the highest.
RISE, LOWEST_RATE = 200, 0.1
PENALTY_EVERY = 8
# A label comes three or four times in a batch of 128: what is known of it is the mean of some hundred samples.
REMEMBERED = 0.98


@dataclass(frozen=True)
class RefineConfig:
    """Settings of the refinement.

    Attributes:
        steps: Of model and critic each.
        batch_size: Real characters, and as many samples, in a step.
        reconstruction_weight: Per nat.
        prior_weight: Per nat.
        critic_weight: Of reconstructions beside samples.
        reader_weight: Of the reader.
        reader_margin: Nats up to which a sample counts as read.
        focus: 0 weighs all labels alike for the reader, 1 each by what its samples lately had beyond the margin; the
            mean of the weights is 1.
        penalty: Weight of the critic's gradient penalty.
        rate: Adam's, at its highest.
        critic_rate: Adam's, at its highest.
        average: Decay of the mean of the model's weights, which is what is kept.
        bf16: Compute in bfloat16 where that is safe; halves the time on CPUs that have it.
        seed: Of the critic, order and noise.
        train_prior: Train the flow too, not the decoder alone. Samples become more readable and less varied.
        widen: What the prior of each label is stretched by about its mean in the end, for the variety that was lost.
        widen_read: Likewise, of those labels alone that the reader reads better than the mean.
    """

    steps: int = 3000
    batch_size: int = 128
    reconstruction_weight: float = 0.02
    prior_weight: float = 0.05
    critic_weight: float = 0.5
    reader_weight: float = 1.0
    reader_margin: float = 0.1
    focus: float = 0.0
    penalty: float = 0.05
    rate: float = 3e-4
    critic_rate: float = 5e-4
    average: float = 0.999
    bf16: bool = True
    seed: int = 0
    train_prior: bool = True
    widen: float = 1.0
    widen_read: float = 1.0


def refine(
    run: Run,
    data: Dataset,
    reader: Judge,
    folder: Path,
    config: RefineConfig,
    *,
    progress: Progress = no_progress,
) -> Run:
    """Refine decoder and prior of a run; an interrupted refinement continues from its checkpoint.

    Args:
        run: a trained conditional model with a fitted prior.
        data: what it was trained on.
        reader: a classifier of real characters with the same labels.
        folder: where the checkpoint is kept.
        config: how.
        progress: called with the steps done and the steps in all.

    Raises:
        RunError: the model has no fitted prior, or `data` or the reader's labels are others.
    """
    model = run.model
    if not isinstance(model, CVAE) or model.flow is None:
        raise RunError("only a conditional model with a fitted prior can be refined")
    if data.sha256 != run.data_sha256 or reader.labels != run.labels:
        raise RunError("the run was trained on other data, or on other labels than the reader's")
    refinement = Refinement(model, model.flow, data.train, reader, config)
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        refinement.load_state_dict(torch.load(checkpoint, weights_only=True))
    for step in range(refinement.done, config.steps):
        refinement.step()
        if (step + 1) % CHECKPOINT_EVERY == 0:
            with replacing(checkpoint) as temporary:
                torch.save(refinement.state_dict(), temporary)
        progress(step + 1, config.steps)
    refinement.trained.load_state_dict(refinement.averaged.module.state_dict())
    widen(model.flow, config.widen)
    widen(model.flow, config.widen_read, refinement.unread <= refinement.unread.mean())
    return replace(run, model=model.eval(), training=run.training | {"refinement": asdict(config)})


@torch.no_grad()
def widen(flow: Flow, factor: float, labels: Tensor | None = None) -> None:
    """Stretch the latents of each label about the mean that the flow has for them.

    Args:
        flow: changed in place.
        factor: 1 leaves them as they are.
        labels: bool (labels,), which; None for all.
    """
    which = slice(None) if labels is None else labels
    flow.log_scale.weight[which] += math.log(factor)


class Refinement:
    """Model, critic, their optimisers and the noise, advanced one step at a time.

    Args:
        model: its decoder and flow are trained in place.
        flow: the model's.
        split: real characters.
        reader: see `refine`.
        config: how.
    """

    def __init__(self, model: CVAE, flow: Flow, split: Split, reader: Judge, config: RefineConfig) -> None:
        self.config = config
        self.done = 0
        self.model = model.eval().requires_grad_(requires_grad=False)
        self.flow = flow
        self.trained = nn.ModuleList([model.decoder, flow]).train()
        model.decoder.requires_grad_(requires_grad=True)
        flow.requires_grad_(requires_grad=config.train_prior)
        averaging = get_ema_multi_avg_fn(config.average)  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(self.trained, multi_avg_fn=averaging)
        self.reader = reader.network.eval().requires_grad_(requires_grad=False)
        self.together = groups(reader.labels)
        self.images, self.labels = torch.from_numpy(split.images), torch.from_numpy(split.labels)
        self.batch_size = min(config.batch_size, len(split))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.critic = Critic(len(reader.labels))
        self.generator = torch.Generator().manual_seed(config.seed)
        # Momentum as in DCGAN (arXiv:1511.06434): at 0.9 the two would swing.
        self.optimisers = [
            torch.optim.Adam(part.parameters(), rate, betas=(0.5, 0.9))
            for part, rate in ((self.trained, config.rate), (self.critic, config.critic_rate))
        ]
        self.rates = [torch.optim.lr_scheduler.LambdaLR(optimiser, self.rate) for optimiser in self.optimisers]
        self.epoch, self.order = -1, torch.empty(0, dtype=torch.int64)
        self.unread = torch.ones(len(reader.labels))

    def rate(self, step: int) -> float:
        """Return the share of the highest learning rate at a step."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.config.steps))
        return min(1.0, (step + 1) / RISE) * (LOWEST_RATE + (1 - LOWEST_RATE) * cosine)

    def step(self) -> None:
        """Train the critic for one step, then decoder and flow against it."""
        x, label = self.batch()
        other = torch.randint(len(self.together), label.shape, generator=self.generator)
        with torch.no_grad():
            mu, logvar = self.model.encoder(x, label)
            z = reparameterise(mu, logvar, self.generator)
            eps = torch.randn(z.shape, generator=self.generator)
        shown = torch.cat([label, other])  # (2n,)
        latents = torch.cat([z, self.flow(eps, other)])  # (2n, latent): of reconstructions, of samples
        with self.autocast():
            logits = self.model.decoder(latents, shown).float()  # (2n, 28, 28)
            decoded = torch.sigmoid(logits)
        self.step_critic(x, label, decoded.detach(), shown)
        kept = self.config.reconstruction_weight * reconstruction(logits[: len(x)], x).mean()
        if self.config.train_prior:
            kept = kept - self.config.prior_weight * self.flow.log_prob(z, label).mean()
        self.step_model(kept, decoded, shown)
        for rate in self.rates:
            rate.step()
        self.averaged.update_parameters(self.trained)
        self.done += 1

    def step_critic(self, x: Tensor, label: Tensor, decoded: Tensor, shown: Tensor) -> None:
        """Raise the critic's output for real characters and lower it for decoded ones."""
        c, rows = self.config, len(x)
        with self.autocast():
            odds = self.critic(jitter(torch.cat([x, decoded]), self.generator), torch.cat([label, shown])).float()
        real, reconstructed, sampled = odds[:rows], odds[rows : 2 * rows], odds[2 * rows :]
        false = functional.softplus(sampled).mean() + c.critic_weight * functional.softplus(reconstructed).mean()
        loss = functional.softplus(-real).mean() + false / (1 + c.critic_weight)
        if self.done % PENALTY_EVERY == 0:
            loss = loss + PENALTY_EVERY * c.penalty * gradient_penalty(self.critic, x, label)
        self.optimisers[1].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[1].step()

    def step_model(self, kept: Tensor, decoded: Tensor, shown: Tensor) -> None:
        """Minimise the loss of the module's docstring, of whose terms `kept` holds the first two."""
        c, rows = self.config, len(decoded) // 2
        self.critic.requires_grad_(requires_grad=False)
        with self.autocast():
            odds = self.critic(jitter(decoded, self.generator), shown).float()
            read = self.reader(decoded[rows:].unsqueeze(1)).float().softmax(dim=1)  # (n, labels)
        likeness = functional.softplus(-odds)
        surprise = -(read * self.together[shown[rows:]]).sum(dim=1).clamp(min=1e-6).log()
        beyond = functional.relu(surprise - c.reader_margin)  # (n,)
        reading = (self.weights(beyond.detach(), shown[rows:]) * beyond).mean()
        loss = kept + likeness[rows:].mean() + c.critic_weight * likeness[:rows].mean() + c.reader_weight * reading
        self.optimisers[0].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[0].step()
        self.critic.requires_grad_(requires_grad=True)

    def weights(self, beyond: Tensor, label: Tensor) -> Tensor:
        """Return the reader's weight of each sample (n,), after recording its nats beyond the margin (n,)."""
        counts = torch.bincount(label, minlength=len(self.unread))
        sums = torch.zeros_like(self.unread).index_add(0, label, beyond)
        latest = torch.where(counts > 0, sums / counts.clamp(min=1), self.unread)
        self.unread = REMEMBERED * self.unread + (1 - REMEMBERED) * latest
        weights = self.unread.pow(self.config.focus)
        return weights[label] / weights.mean()

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return the next real characters (n, 28, 28) in [0, 1] and labels (n,), every label equally often."""
        each = len(self.labels) // self.batch_size
        epoch, batch = divmod(self.done, each)
        if epoch != self.epoch:
            # A function of seed and epoch, so that a checkpoint need not hold it.
            generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch)
            self.epoch, self.order = epoch, balanced_order(self.labels, generator)
        rows = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return self.images[rows].float() / 255, self.labels[rows]

    def autocast(self) -> torch.autocast:
        """Enable bfloat16 where it is allowed."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""
        parts: tuple[nn.Module, ...] = (self.trained, self.averaged, self.critic)
        return {
            "done": self.done,
            "parts": [part.state_dict() for part in parts],
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "rates": [rate.state_dict() for rate in self.rates],
            "generator": self.generator.get_state(),
            "unread": self.unread,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self.done = state["done"]
        for name in ("parts", "optimisers", "rates"):
            owners = (self.trained, self.averaged, self.critic) if name == "parts" else getattr(self, name)
            for owner, values in zip(owners, state[name], strict=True):
                owner.load_state_dict(values)
        self.generator.set_state(state["generator"])
        self.unread = state["unread"]


def groups(labels: Sequence[str]) -> Tensor:
    """Return which labels count as one: float (labels, labels), 1 where they do."""
    index = torch.from_numpy(merged_labels(labels, main_groups(labels)))
    return (index[:, None] == index).float()
