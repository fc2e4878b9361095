import torch

from glyphvae_training.models.conditioning import ConditionedLinear


def test_it_equals_a_linear_layer_over_features_and_the_one_hot_label() -> None:
    layer = ConditionedLinear(5, 3, 4)
    assert layer.table is not None
    x, label = torch.rand(6, 5), torch.tensor([0, 1, 2, 3, 3, 0])
    weights = torch.cat([layer.linear.weight, layer.table.weight.T], dim=1)  # (3, 9)
    behind = torch.cat([x, torch.nn.functional.one_hot(label, 4)], dim=1)  # (6, 9)
    torch.testing.assert_close(layer(x, label), behind @ weights.T + layer.linear.bias)


def test_without_labels_it_is_a_linear_layer() -> None:
    layer = ConditionedLinear(5, 3, 0)
    x = torch.rand(2, 5)
    torch.testing.assert_close(layer(x, None), layer.linear(x))
    assert layer.table is None


def test_in_mixed_precision_a_layer_stays_in_it() -> None:
    layer, x, label = ConditionedLinear(5, 3, 4), torch.rand(6, 5), torch.tensor([0, 1, 2, 3, 3, 0])
    with torch.autocast("cpu", torch.bfloat16):
        mixed = layer(x, label)
    assert mixed.dtype == torch.bfloat16
    torch.testing.assert_close(mixed.float(), layer(x, label), atol=0.03, rtol=0.03)
