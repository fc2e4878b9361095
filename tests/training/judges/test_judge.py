import numpy as np
import pytest
import torch
from torch import Tensor, nn

from glyphvae_training.judges.judge import ARCHITECTURES, BATCH, Judge, to_input


class BrightestRow(nn.Module):
    """A judge whose answer is known: the row with the most ink."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(dim=(1, 3))


def test_a_judge_answers_for_every_image_in_order() -> None:
    rows = np.arange(2 * BATCH + 5) % 28
    images = np.zeros((rows.size, 28, 28), np.uint8)
    images[np.arange(rows.size), rows] = 200
    assert Judge("known", [str(row) for row in range(28)], BrightestRow()).predict(images).tolist() == rows.tolist()


def test_a_judge_is_in_evaluation_mode() -> None:
    assert not Judge("known", [str(row) for row in range(28)], BrightestRow().train()).network.training


def test_input_is_ink_from_0_to_1() -> None:
    x = to_input(torch.tensor([[[0, 255]]], dtype=torch.uint8))
    assert x.dtype == torch.float32
    assert x.tolist() == [[[[0.0, 1.0]]]]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_answers_with_a_number_for_each_class(name: str) -> None:
    assert ARCHITECTURES[name].build(36).eval()(torch.zeros(3, 1, 28, 28)).shape == (3, 36)


def test_one_that_learns_from_outliers_has_a_class_for_them() -> None:
    for name, outputs in (("dense", 36), ("classifier", 37)):
        assert ARCHITECTURES[name].untrained(36).eval()(torch.zeros(3, 1, 28, 28)).shape == (3, outputs)


def test_the_architectures_share_no_kind_of_layer_that_reads_the_image() -> None:
    convolutional, dense = (
        {type(module) for module in ARCHITECTURES[name].build(36).modules()} for name in ("convolutional", "dense")
    )
    assert nn.Conv2d in convolutional
    assert nn.Conv2d not in dense


@pytest.mark.parametrize(
    ("name", "count"), [("convolutional", 64), ("dense", 512), ("reader", 128), ("classifier", 512)]
)
def test_features_are_what_the_last_layer_reads(name: str, count: int) -> None:
    judge = Judge(name, "ab", ARCHITECTURES[name].build(2))
    images = np.random.default_rng(0).integers(0, 256, (BATCH + 1, 28, 28), np.uint8)
    features = judge.features(images)
    assert features.shape == (BATCH + 1, count)
    if name != "convolutional":  # whose features are means of maps
        last = list(judge.network.children())[-1]
        with torch.inference_mode():
            logits, expected = (
                last(torch.from_numpy(features[:3])),
                judge.network(to_input(torch.from_numpy(images[:3]))),
            )
        torch.testing.assert_close(logits, expected)
