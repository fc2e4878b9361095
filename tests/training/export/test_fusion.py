import pytest
import torch
from torch import nn

from glyphvae_training.export.fusion import Fused
from glyphvae_training.export.graphs import to_onnx
from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.decoders import DecoderName

LABELS = 5


def bent(decoder: DecoderName, couplings: int) -> CVAE:
    """A model whose every weight matters, of an odd number of latents."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = CVAE(CVAEConfig(7, LABELS, decoder=decoder, couplings=couplings))
        for weight in model.parameters():
            if weight.ndim == 1 or weight.shape[0] == LABELS:
                nn.init.normal_(weight, std=0.3)
        for coupling in model.flow.in_order() if model.flow is not None else ():
            nn.init.normal_(coupling.last.weight, std=0.3)
    return model.eval()


@pytest.mark.parametrize("decoder", ["dense", "residual", "upsample", "conv"])
@pytest.mark.parametrize("couplings", [0, 1, 4])
def test_it_draws_what_the_model_draws(decoder: DecoderName, couplings: int) -> None:
    model = bent(decoder, couplings)
    z = torch.randn(20, 7, generator=torch.Generator().manual_seed(1))
    label = torch.arange(20) % LABELS
    with torch.inference_mode():
        expected, found = model.decode(z, label), Fused(model).eval().decode(z, label)
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_model_stays_as_it_is() -> None:
    model = bent("residual", 2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    Fused(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_coupling_is_ten_operations_instead_of_sixteen() -> None:
    sizes = [len(to_onnx(bent("residual", couplings), "decoder").graph.node) for couplings in (1, 2)]
    assert sizes[1] - sizes[0] == 10
