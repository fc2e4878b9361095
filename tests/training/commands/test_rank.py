from pathlib import Path

from glyphvae_training.commands.rank import rank
from tests.training.commands.invoke import output


def test_every_latent_has_a_row(repository: Path, sample_folder: Path) -> None:
    printed = output(rank, "cvae", "--exported", repository, "--data", sample_folder)
    assert "variance of mu" in printed
    assert all(f"x{latent}" in printed for latent in range(1, 7))
