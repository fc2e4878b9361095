"""Labels as input of a layer."""

from torch import Tensor, nn


class ConditionedLinear(nn.Module):
    """A linear layer over features and a label.

    It computes W·x + b + E[label], which equals a linear layer over the features with the label's one-hot vector behind
    them; the table E is a Gather in ONNX, so nobody has to build the one-hot vector.

    Args:
        features: Input features.
        width: Output features.
        label_count: Labels, 0 for none.
    """

    def __init__(self, features: int, width: int, label_count: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, width)
        self.table = nn.Embedding(label_count, width) if label_count else None
        if self.table is not None:
            # The scale that a linear layer's weights start with; the default of 1 would drown the features.
            nn.init.uniform_(self.table.weight, -(width**-0.5), width**-0.5)

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Map features (n, features) and labels (n,) int64 to features (n, width)."""
        h: Tensor = self.linear(x)
        if self.table is not None:
            assert label is not None, "a conditional layer needs labels"  # noqa: S101 (narrows for the type checker)
            # In mixed precision the table alone would be float32, and what follows with it.
            h = h + self.table(label).to(h.dtype)
        return h
