import pytest
import torch
from torch import Tensor

from glyphvae_training.models.pen import (
    DRAWN,
    KNOTS,
    TRUE_SIZE,
    USUAL_RADIUS,
    Pen,
    PenConfig,
    combined,
    interpolation,
    template_presence,
)
from tests.training.examples import SMALL_PEN

CONFIG = SMALL_PEN
LABEL = torch.tensor([0, 1, 4])


def pen(couplings: int = 0, control: Tensor | None = None, present: Tensor | None = None) -> Pen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Pen(PenConfig(**CONFIG.to_dict() | {"couplings": couplings}), control, present)
        torch.nn.init.normal_(model.usual.weight, std=0.5)
        if couplings:
            for flow in (model.hand_flow, model.form_flow):
                assert flow is not None
                for parameter in flow.parameters():
                    torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def bare(model: Pen) -> Pen:
    """The model without what it learned of latents."""
    model.decoder.last.linear.weight.zero_()
    return model


def test_decoding_begins_at_the_templates() -> None:
    control = 4 + 20 * torch.rand(5, 2, 5, 2, generator=torch.Generator().manual_seed(0))
    present = torch.tensor([[True, False]] * 4 + [[True, True]])
    writing = bare(pen(control=control, present=present)).write(drawn(3, 7), LABEL)
    torch.testing.assert_close(writing.control, control[LABEL])
    assert torch.equal(writing.presence > 0.5, present[LABEL])


def test_the_pen_is_as_wide_as_usual_before_training() -> None:
    writing = bare(pen()).write(drawn(3, 7), LABEL)
    torch.testing.assert_close(writing.radius, torch.full((3, 2, KNOTS), USUAL_RADIUS / TRUE_SIZE))
    torch.testing.assert_close(writing.metrics[:, 0], torch.full((3,), TRUE_SIZE))


def test_one_hand_has_one_pen_in_all_sizes() -> None:
    model = pen()
    with torch.no_grad():
        model.decoder.weight.weight.fill_(0.3)
        model.decoder.last.linear.weight[CONFIG.strokes * CONFIG.control_points * 2 :][: CONFIG.strokes * KNOTS] = 0
        model.decoder.last.linear.weight[-4] *= 10  # sizes differ
    hand = drawn(1, 3).expand(3, -1)
    writing = model.write(torch.cat([hand, drawn(3, 4, seed=1)], dim=1), LABEL)
    assert writing.metrics[:, 0].std() > 0.001
    in_cap_heights = writing.radius * writing.metrics[:, 0, None, None]
    torch.testing.assert_close(in_cap_heights, in_cap_heights[0, 0, 0].expand_as(in_cap_heights))


def test_the_pen_of_a_glyph_is_the_hands_in_the_mean_of_what_is_drawn() -> None:
    model = pen()
    with torch.no_grad():
        radius = model.decoder.last.linear.weight[CONFIG.strokes * CONFIG.control_points * 2 :][
            : CONFIG.strokes * KNOTS
        ]
        radius.mul_(20)
    writing = model.write(drawn(3, 7), LABEL)
    weights = writing.presence / writing.presence.sum(dim=1, keepdim=True)
    logs = (writing.radius * writing.metrics[:, 0, None, None] / USUAL_RADIUS).log()  # limited by tanh, so about
    assert logs.std() > 0.05
    means = (logs.mean(dim=2) * weights).sum(dim=1)
    torch.testing.assert_close(means, torch.zeros(3), rtol=0, atol=0.01)


def test_a_label_begins_again_in_the_mean_of_its_glyphs() -> None:
    model, z = pen(), drawn(40, 7)
    control, present = (
        4 + 20 * torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0)),
        torch.tensor([True, False]),
    )
    label = torch.full((40,), 1)
    before = model.write(z, label)
    others = model.write(z, torch.zeros_like(label))
    model.decoder.begin_again(1, z, control, template_presence(present))
    after = model.write(z, label)
    torch.testing.assert_close(after.control.mean(dim=0), control)
    odds = torch.logit(after.presence).mean(dim=0)
    torch.testing.assert_close(odds, torch.tensor([3.0, -3.0]), rtol=0, atol=1e-4)
    # What hands and forms change stays, and so do sizes and other labels.
    torch.testing.assert_close(after.control - after.control.mean(dim=0), before.control - before.control.mean(dim=0))
    torch.testing.assert_close(after.metrics, before.metrics)
    assert torch.equal(after.softness, before.softness)
    again = model.write(z, torch.zeros_like(label))
    assert torch.equal(again.control, others.control)


def test_the_likelihood_does_not_change_a_size_for_the_sake_of_a_width() -> None:
    model = pen()
    model.write(drawn(3, 7), LABEL).radius.sum().backward()  # type: ignore[no-untyped-call]
    assert model.decoder.last.linear.weight.grad is not None
    assert torch.all(model.decoder.last.linear.weight.grad[-4:] == 0)


def test_strokes_are_drawn_fully_or_not_at_all_but_in_training() -> None:
    model = pen()
    writing = model.write(drawn(3, 7), LABEL)
    assert torch.equal(model.strokes(writing).presence, (writing.presence > 0.5).float())
    assert torch.equal(model.strokes(writing, hard=False).presence, writing.presence)


def test_decoded_logits_are_nearly_those_of_the_painted_ink() -> None:
    model, z = pen(), drawn(3, 7)
    logits = model.decode(z, LABEL)
    assert logits.shape == (3, 28, 28)
    assert logits.abs().max() <= 9.3
    ink = model.ink(model.write(model.to_latents(z, LABEL), LABEL)).view(3, 28, 28)
    assert ink.std() > 0.02
    assert (torch.sigmoid(logits) - ink).square().mean() < 0.1 * ink.var()


def test_pictures_of_a_label_have_a_thickness_of_their_own_which_strokes_have_not() -> None:
    model, z = pen(), drawn(3, 7)
    with torch.no_grad():
        model.decoder.last.linear.bias[-5 - CONFIG.strokes : -5] = 3  # all strokes are drawn
    before = model.write(z, LABEL), model.decode(z, LABEL)
    with torch.no_grad():
        model.decoder.thickness.weight[LABEL[0]] = 0.5
    after = model.write(z, LABEL), model.decode(z, LABEL)
    assert torch.equal(model.strokes(after[0]).radius, model.strokes(before[0]).radius)
    ink = [torch.sigmoid(logits).sum(dim=(1, 2)) for _, logits in (before, after)]
    assert ink[1][0] > ink[0][0] + 1
    others = LABEL[0] != LABEL
    assert torch.equal(ink[1][others], ink[0][others])


def test_a_stroke_begins_and_ends_at_its_outer_control_points() -> None:
    model = pen()
    writing = model.write(drawn(3, 7), LABEL)
    strokes = model.strokes(writing)
    torch.testing.assert_close(strokes.points[:, :, 0], writing.control[:, :, 0])
    torch.testing.assert_close(strokes.points[:, :, -1], writing.control[:, :, -1])
    torch.testing.assert_close(strokes.radius[:, :, [0, -1]], writing.radius[:, :, [0, -1]])


def test_factors_of_a_hand_multiply_as_gaussians_do() -> None:
    mu, logvar = drawn(1, 4, 2), drawn(1, 4, 2, seed=1)
    axis = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    found_mu, found_logvar = combined(mu, logvar)
    for latent in range(2):
        log_density = -0.5 * axis.square()
        for glyph in range(4):
            scaled = (axis - mu[0, glyph, latent]) / (logvar[0, glyph, latent].double() / 2).exp()
            log_density = log_density - 0.5 * scaled.square()
        weight = torch.softmax(log_density, dim=0)
        mean = (weight * axis).sum()
        variance = (weight * (axis - mean).square()).sum()
        assert float(found_mu[0, latent]) == pytest.approx(float(mean), abs=1e-4)
        assert float(found_logvar[0, latent]) == pytest.approx(float(variance.log()), abs=1e-4)


def test_the_form_does_not_enter_the_product() -> None:
    model, x = pen(), torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0))
    mu, logvar = model.posterior(x, LABEL)
    with_prior = model.with_prior(mu, logvar)
    torch.testing.assert_close(with_prior[0][:, 3:], mu[:, 3:])
    torch.testing.assert_close(with_prior[1][:, 3:], logvar[:, 3:])
    assert torch.all(with_prior[1][:, :3] < 0)  # surer than N(0, I)


def test_encoding_gives_the_noise_that_the_priors_map_to_the_latents() -> None:
    model, x = pen(couplings=2), torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0))
    u, _ = model.encode(x, LABEL)
    mu, _ = model.with_prior(*model.posterior(x, LABEL))
    torch.testing.assert_close(model.to_latents(u, LABEL), mu, atol=1e-5, rtol=1e-5)


def test_one_noise_is_one_hand_for_all_labels() -> None:
    model = pen(couplings=2)
    latents = model.to_latents(drawn(1, 7).expand(3, -1), LABEL)
    assert torch.equal(latents[0, :3], latents[2, :3])
    assert not torch.equal(latents[0, 3:], latents[2, 3:])  # the form's prior is each label's own


def test_without_flows_noise_is_the_hand_and_what_a_form_differs_from_the_usual_one() -> None:
    model, x = pen(), torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0))
    u = drawn(3, 7)
    latents = model.to_latents(u, LABEL)
    assert torch.equal(latents[:, :3], u[:, :3])
    torch.testing.assert_close(latents[:, 3:], u[:, 3:] + model.usual_form(u[:, :3], LABEL))
    mu, logvar = model.with_prior(*model.posterior(x, LABEL))
    noise, noise_logvar = model.encode(x, LABEL)
    torch.testing.assert_close(model.to_latents(noise, LABEL), mu)
    torch.testing.assert_close(noise_logvar, logvar)


def test_the_usual_form_is_a_matrix_of_the_label_times_the_hand() -> None:
    model, hand = pen(), drawn(3, 3)
    expected = [model.usual.weight[label].view(4, 3) @ hand[row] for row, label in enumerate(LABEL.tolist())]
    torch.testing.assert_close(model.usual_form(hand, LABEL), torch.stack(expected))


def test_a_label_is_written_by_the_hand_and_its_offset_which_its_posterior_lacks() -> None:
    model, z, x = pen(), drawn(3, 7), torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0))
    hand = z[:, :3]
    offset = torch.cat([hand, torch.zeros(3, 4)], dim=1)
    written, features = model.write(z + offset, LABEL), model.features(z + offset, LABEL)
    mu, usual = model.posterior(x, LABEL)[0] - offset, model.usual_form(2 * hand, LABEL)
    model.hand_offset[LABEL] = hand
    assert all(map(torch.equal, model.write(z, LABEL), written))
    assert torch.equal(model.features(z, LABEL), features)
    assert torch.equal(model.posterior(x, LABEL)[0], mu)
    assert torch.equal(model.usual_form(hand, LABEL), usual)


def test_no_glyph_is_blank() -> None:
    model, z = bare(pen()), drawn(3, 7)
    with torch.no_grad():
        model.decoder.last.linear.bias[-5 - CONFIG.strokes : -5] = torch.tensor([-3.0, -2.0])
    assert (model.write(z, LABEL).presence > DRAWN).tolist() == [[False, True]] * 3
    assert (torch.sigmoid(model.decode(z, LABEL)).amax(dim=(1, 2)) > DRAWN).all()


def test_untrained_hands_have_no_usual_form() -> None:
    assert not Pen(CONFIG).usual.weight.any()


def test_interpolation_goes_through_the_knots() -> None:
    matrix = interpolation(4, 7)
    assert torch.equal(matrix[::2], torch.eye(4))
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(7))
