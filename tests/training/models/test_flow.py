import functools

import pytest
import torch
from torch import nn

from glyphvae_training.models.flow import Flow

SIZE, LABELS = 5, 3
# The rotations are float32.
close = functools.partial(torch.testing.assert_close, rtol=1e-4, atol=1e-5)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def bent_flow(label_count: int = LABELS) -> Flow:
    """A flow whose every weight matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        flow = Flow(SIZE, label_count, couplings=3)
        for weight in flow.parameters():
            nn.init.normal_(weight, std=0.3)
    return flow.double()


def jacobian(flow: Flow, u: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """dz/du at each row: (n, z, u)."""
    rows = []
    for i in range(len(u)):
        at = label[i : i + 1]
        (row,) = torch.autograd.functional.jacobian(lambda one, at=at: flow(one[None], at)[0], (u[i],))  # type: ignore[no-untyped-call]
        rows.append(row)
    return torch.stack(rows)


def drawn(generator: torch.Generator, rows: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    u = torch.randn(rows, SIZE, generator=generator, dtype=torch.float64)
    return u, torch.arange(rows) % LABELS


def test_the_inverse_undoes_the_flow(generator: torch.Generator) -> None:
    flow, (u, label) = bent_flow(), drawn(generator)
    back, _ = flow.inverse(flow(u, label), label)
    close(back, u)


def test_the_determinant_is_that_of_the_jacobian(generator: torch.Generator) -> None:
    flow, (u, label) = bent_flow(), drawn(generator)
    _, log_det = flow.inverse(flow(u, label), label)
    close(log_det, -jacobian(flow, u, label).det().abs().log())


def test_the_posterior_has_the_diagonal_of_the_precision(generator: torch.Generator) -> None:
    flow, (u, label) = bent_flow(), drawn(generator)
    logvar = torch.randn(u.shape, generator=generator, dtype=torch.float64)
    mean, found = flow.posterior(flow(u, label), logvar, label)
    close(mean, u)
    precision = (jacobian(flow, u, label).square() / logvar.exp()[:, :, None]).sum(dim=1)
    close(found, -precision.log())


def test_a_fresh_flow_is_a_normal_distribution(generator: torch.Generator) -> None:
    flow, (u, label) = Flow(SIZE, LABELS, couplings=3).double(), drawn(generator)
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(u).sum(dim=1)  # type: ignore[no-untyped-call]
    close(flow.log_prob(u, label), expected)


def test_each_label_has_its_own_density(generator: torch.Generator) -> None:
    flow, (u, _) = bent_flow(), drawn(generator)
    densities = [flow.log_prob(u, torch.full((len(u),), label)) for label in range(LABELS)]
    assert not torch.allclose(densities[0], densities[1])


def test_without_labels_there_is_one_density(generator: torch.Generator) -> None:
    flow, (u, _) = bent_flow(label_count=0), drawn(generator)
    back, _ = flow.inverse(flow(u, None), None)
    close(back, u)
