"""Last stage: fits the encoder to the final decoder and prior.

The stages before leave an encoder that was trained for another decoder, with the Gaussian of what the decoder reads;
for the flow's noise, a model's latents, there is then only what `Flow.posterior` makes of it to first order. Here the
encoder learns that posterior itself: its mean goes back through the flow as before, and its log variance is that of the
noise. Decoder and prior stay as they are, so no sample changes; what shrinks is the gap between the evidence lower
bound and the best one that a diagonal Gaussian allows (Cremer, Li & Duvenaud, "Inference suboptimality in variational
autoencoders", arXiv:1801.03558, section 3). The exported encoder needs half of the operations.
"""

import math
from dataclasses import asdict, dataclass, replace

import torch
from torch import nn

from glyphvae_training.data.batches import Batches
from glyphvae_training.data.dataset import Dataset
from glyphvae_training.errors import RunError
from glyphvae_training.fitting.objective import loss, reparameterise
from glyphvae_training.fitting.runs import Run, check_data
from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.progress import Progress, no_progress

# Steps over which the learning rate rises: the log variance begins as that of something else.
RISE = 200
# Longest gradient; only the first steps have longer ones.
LONGEST = 200.0


@dataclass(frozen=True)
class PosteriorConfig:
    """Settings of the encoder's fit.

    Attributes:
        epochs: Passes over as many images as there are, every label equally often.
        batch_size: Images in a batch.
        learning_rate: AdamW's, at its highest; a cosine takes it to 0.
        weight_decay: AdamW's.
        bf16: Compute in bfloat16 where that is safe.
        seed: Of order and noise.
    """

    epochs: int = 12
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    bf16: bool = True
    seed: int = 0


def fit_posterior(run: Run, data: Dataset, config: PosteriorConfig, progress: Progress = no_progress) -> Run:
    """Fit an encoder of the flow's noise by the evidence lower bound (beta 1); returns the run with it.

    Args:
        run: a conditional model with a fitted prior, whose encoder gives the variance of what the decoder reads.
        data: what it was trained on.
        config: how to fit.
        progress: called with the batches done and the batches in all.

    Raises:
        RunError: the model has no flow, or such an encoder already, or `data` is another data set.
    """
    first = run.model
    if not isinstance(first, CVAE) or first.flow is None or first.config.variance == "noise":
        raise RunError("an encoder is fitted to a conditional model with a prior, once")
    check_data(run, data)
    model = CVAE(CVAEConfig(**first.config.to_dict() | {"variance": "noise"}))
    model.load_state_dict(first.state_dict())
    model.eval().requires_grad_(requires_grad=False)
    model.encoder.train().requires_grad_(requires_grad=True)
    optimiser = torch.optim.AdamW(model.encoder.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    size = min(config.batch_size, len(data.train))
    batches = Batches(data.train, size, torch.device("cpu"), seed=config.seed, balanced=True)
    total = len(batches) * config.epochs

    def rate(step: int) -> float:
        return min(1.0, (step + 1) / RISE) * 0.5 * (1 + math.cos(math.pi * step / total))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    generator = torch.Generator().manual_seed(config.seed)
    for epoch in range(config.epochs):
        batches.set_epoch(epoch)
        for number, batch in enumerate(batches):
            with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
                mu, logvar = (part.float() for part in model.encode(batch.x, batch.label))
                logits = model.decode(reparameterise(mu, logvar, generator), batch.label).float()
            bound = loss(logits, batch.x, mu, logvar, beta=1.0)
            optimiser.zero_grad()
            bound.total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.encoder.parameters(), LONGEST)
            optimiser.step()
            schedule.step()
            progress(epoch * len(batches) + number + 1, total)
    return replace(run, model=model.eval(), training=run.training | {"posterior": asdict(config)})
