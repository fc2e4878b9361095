import torch

from glyphvae_training.fitting.critic import Critic, gradient_penalty, jitter


def test_the_verdict_depends_on_picture_and_label() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = Critic(3)
    x = torch.rand(2, 28, 28, generator=torch.Generator().manual_seed(0))
    verdicts = [critic(x, torch.full((2,), label)) for label in range(3)]
    assert verdicts[0].shape == (2,)
    assert not torch.allclose(verdicts[0], verdicts[1])
    assert not torch.isclose(verdicts[0][0], verdicts[0][1])


def test_the_penalty_of_a_linear_critic_is_half_its_squared_slope() -> None:
    class Linear(Critic):
        def forward(self, x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
            return 3 * x[:, 0, 0] + 4 * x[:, 5, 5]

    penalty = gradient_penalty(Linear(2), torch.rand(4, 28, 28), torch.zeros(4, dtype=torch.int64))
    assert penalty.item() == 12.5


def test_jitter_moves_all_alike_by_at_most_a_pixel() -> None:
    x = torch.zeros(2, 28, 28)
    x[:, 14, 14] = 1
    generator = torch.Generator().manual_seed(0)
    places = {tuple(jitter(x, generator)[0].nonzero()[0].tolist()) for _ in range(60)}
    assert places == {(14 + down, 14 + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
    moved = jitter(x, generator)
    assert torch.equal(moved[0], moved[1])
