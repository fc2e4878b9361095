import math

import torch

from glyphvae_training.fitting.prior import PriorConfig, fit_flow, start_at_moments
from glyphvae_training.models.flow import Flow

CONFIG = PriorConfig(couplings=2, epochs=2, batch_size=16)


def crescent(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points that no Gaussian describes, of two labels on different sides: (n, 2), (n,)."""
    generator = torch.Generator().manual_seed(0)
    across, noise = torch.randn(2, rows, generator=generator)
    label = torch.arange(rows) % 2
    side = 1.0 - 2.0 * label
    return torch.stack([across, side * (across.square() + 0.3 * noise)], dim=1), label


def test_the_start_has_the_moments_of_each_label() -> None:
    points, label = crescent(400)
    logvar = torch.full_like(points, math.log(0.5))
    flow = Flow(2, 2, couplings=2)
    start_at_moments(flow, points, logvar, label)
    for value in (0, 1):
        torch.testing.assert_close(flow.shift.weight[value], points[label == value].mean(dim=0))
        variance = points[label == value].var(dim=0, unbiased=False) + 0.5
        torch.testing.assert_close(flow.log_scale.weight[value].exp().square(), variance)


def test_the_flow_learns_what_is_not_gaussian() -> None:
    points, label = crescent(2000)
    still = torch.full_like(points, -12.0)
    flow = Flow(2, 2, couplings=4)
    start_at_moments(flow, points, still, label)
    before = flow.log_prob(points, label).mean().item()
    fit_flow(flow, points, still, label, PriorConfig(epochs=60, batch_size=200), lambda _done, _total: None)
    assert flow.log_prob(points, label).mean().item() > before + 0.5
    with torch.no_grad():
        drawn = flow(
            torch.randn(1000, 2, generator=torch.Generator().manual_seed(1)), torch.zeros(1000, dtype=torch.int64)
        )
    assert (drawn[:, 1] > -1.5).float().mean() > 0.97  # the other label's side


def test_the_same_seed_fits_the_same_flow() -> None:
    points, label = crescent(100)
    still = torch.full_like(points, -12.0)
    flows, steps = [Flow(2, 2, couplings=2), Flow(2, 2, couplings=2)], []
    flows[1].load_state_dict(flows[0].state_dict())
    for flow in flows:
        fit_flow(flow, points, still, label, CONFIG, lambda done, total: steps.append((done, total)))
    assert steps == 2 * [(done, 12) for done in range(1, 13)]
    for name, tensor in flows[0].state_dict().items():
        assert torch.equal(tensor, flows[1].state_dict()[name])
