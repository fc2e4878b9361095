import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from glyphvae_training.data.dataset import Split
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.fitting.pen import (
    CHECKPOINT,
    FITTED,
    MANY_STEPS,
    METRIC_SCALES,
    Drawer,
    PenTraining,
    Training,
    compute_loss,
    edge_error,
    held_out,
    penalties,
    proportions,
    reconstruction,
    some_combined,
    train_pen,
)
from glyphvae_training.models.pen import Pen, Writing, combined
from glyphvae_training.models.strokes import paint
from tests.training.examples import SMALL_PEN

CONFIG = SMALL_PEN
HOW = PenTraining(steps=8, singles=4, writers=2, glyphs=4)
LABELS = 5


def pen() -> Pen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Pen(CONFIG)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def singles() -> Split:
    """Characters whose grey level is ten times their index; label 4 is rare."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 4], np.int64)
    images = np.stack([np.full((28, 28), 10 * index, np.uint8) for index in range(8)])
    return Split(images, labels)


@pytest.fixture(scope="module")
def lettering() -> Lettering:
    """Three writers with five glyphs each, whose grey level is that of the writer."""
    writers = np.repeat(np.arange(3), LABELS)
    return Lettering(
        images=np.stack([np.full((56, 56), 50 * writer + 50, np.uint8) for writer in writers]),
        labels=np.tile(np.arange(LABELS), 3),
        writers=writers,
        fonts=writers,
        metrics=np.tile(np.array([0.05, 24, 0.1, 0.1], np.float32), (15, 1)),
        names=("a", "b", "c"),
    )


@pytest.fixture
def drawer(singles: Split, lettering: Lettering) -> Drawer:
    return Drawer(singles, lettering, HOW)


def test_single_characters_of_every_label_come_equally_often(singles: Split, lettering: Lettering) -> None:
    x, label = Drawer(singles, lettering, replace(HOW, singles=3000, warped=0)).singles(generator())
    counts = torch.bincount(label, minlength=LABELS)
    assert counts[[2, 3]].tolist() == [0, 0]
    assert all(900 < count < 1100 for count in counts[[0, 1, 4]].tolist())
    assert x.shape == (3000, 28, 28)
    levels = (x[:, 0, 0] * 255).round().long() // 10
    assert torch.equal(torch.from_numpy(singles.labels)[levels], label)


def test_a_share_of_the_single_characters_is_warped(singles: Split, lettering: Lettering) -> None:
    # Of even grey, so that the corners of those that were turned or made smaller are paper.
    x, _ = Drawer(singles, lettering, replace(HOW, singles=3000, warped=0.5)).singles(generator())
    x = x[x.amax(dim=(1, 2)) > 0]
    still = (x.amax(dim=(1, 2)) - x.amin(dim=(1, 2)) < 1e-4).float().mean()
    assert 0.5 <= float(still) < 0.65  # some are made larger


def test_a_writers_glyphs_come_together(drawer: Drawer) -> None:
    images, labels, metrics = drawer.writing(generator())
    assert images.shape == (8, 56, 56)
    assert labels.shape == (8,)
    assert metrics.shape == (8, 4)
    levels = images[:, 0, 0].view(2, 4)
    assert torch.equal(levels, levels[:, :1].expand(2, 4))
    assert levels[0, 0] != levels[1, 0]


def test_half_of_a_writers_glyphs_have_the_hand_of_the_others(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    model = pen()
    with torch.no_grad():
        model.encoder.last.weight[CONFIG.latent_size :] = 0
        model.encoder.last.bias[CONFIG.latent_size :] = -8  # a posterior that is sure
    factors: list[Tensor] = []
    latents: list[Tensor] = []
    posterior, write = Pen.posterior, Pen.write

    def watched_posterior(model: Pen, x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        found = posterior(model, x, label)
        factors.append(found[0])
        return found

    def watched_write(model: Pen, z: Tensor, label: Tensor) -> Writing:
        latents.append(z)
        return write(model, z, label)

    monkeypatch.setattr(Pen, "posterior", watched_posterior)
    monkeypatch.setattr(Pen, "write", watched_write)
    compute_loss(model, drawer, HOW, 0.5, generator())
    size = CONFIG.hand_size
    each = factors[0][HOW.singles :, :size].view(2, 2, 2, size).flip(1)  # of the other half of each writer
    hands = latents[0][HOW.singles :, :size].view(2, 2, 2, size)
    assert torch.equal(hands[:, :, 0], hands[:, :, 1])
    near = [(hands[:, :, 0] - hand).abs().amax(dim=2) < 0.1 for hand in (each[:, :, 0], each.mean(dim=2))]
    assert (near[0] | near[1]).all()
    own = factors[0][:, size:], latents[0][:, size:]
    torch.testing.assert_close(own[0], own[1], rtol=0, atol=0.15)  # forms are each glyph's own


def test_a_hand_is_that_of_the_first_glyph_or_of_more() -> None:
    mu = torch.randn(50, 3, 2, generator=generator())
    logvar = torch.full_like(mu, -6.0)
    found, _ = some_combined(mu, logvar, generator())
    of_first = torch.stack([combined(mu[:, :count], logvar[:, :count])[0] for count in (1, 2, 3)])  # (3, 50, 2)
    same = torch.isclose(of_first, found).all(dim=2)
    assert same.any(dim=0).all()
    assert same.any(dim=1).all()


def test_a_form_is_as_cheap_as_it_is_usual_for_the_hand(drawer: Drawer) -> None:
    model = pen()
    with torch.no_grad():
        model.encoder.last.weight.zero_()
        model.encoder.last.bias[: CONFIG.latent_size] = 1.0  # every hand and form
        model.encoder.last.bias[CONFIG.latent_size :] = -8
    dear = compute_loss(model, drawer, HOW, 0.5, generator()).form.item()
    with torch.no_grad():
        # Hands are those of the prior and of one glyph or two that are sure: nearly 1, as are the sums of these rows.
        model.usual.weight.view(5, CONFIG.form_size, CONFIG.hand_size)[:] = 1 / CONFIG.hand_size
    cheap = compute_loss(model, drawer, HOW, 0.5, generator()).form.item()
    assert dear - cheap == pytest.approx(0.5 * CONFIG.form_size, abs=0.1)


def test_the_total_is_the_sum_of_the_terms(drawer: Drawer) -> None:
    how = replace(HOW, decision=0.0, sparsity=0.0, bending=0.0, swelling=0.0)
    how = replace(how, single_weight=0.4, hand_weight=0.4, form_weight=0.4)
    terms = compute_loss(pen(), drawer, how, 0.5, generator())
    hands, glyphs = how.singles + 2 * how.writers, how.singles + how.writers * how.glyphs
    letters = glyphs - how.singles
    total = (
        how.singles * terms.singles
        + letters * terms.letters
        + 0.4 * (hands * terms.hand + glyphs * terms.form)
        + min(FITTED, how.singles) * terms.edges
        + how.proportions * letters * terms.proportions
    ) / glyphs
    torch.testing.assert_close(terms.total, total)


def test_each_kl_has_a_weight_of_its_own(drawer: Drawer) -> None:
    def total(single_weight: float, hand_weight: float, form_weight: float) -> float:
        how = replace(HOW, single_weight=single_weight, hand_weight=hand_weight, form_weight=form_weight)
        return compute_loss(pen(), drawer, how, 0.5, generator()).total.item()

    parts = [total(*weights) - total(0, 0, 0) for weights in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert min(parts) > 0
    terms = compute_loss(pen(), drawer, HOW, 0.5, generator())
    hands, glyphs = HOW.singles + 2 * HOW.writers, HOW.singles + HOW.writers * HOW.glyphs
    assert sum(parts) == pytest.approx(terms.form.item() + terms.hand.item() * hands / glyphs, abs=1e-3)


def test_a_finer_picture_of_the_same_strokes_is_as_likely(drawer: Drawer) -> None:
    """Of a flat grey, every interleaved picture and the coarse one are the same, so only the edges differ."""
    model = pen()
    x, label = drawer.singles(generator())
    fine, characters, _ = drawer.writing(generator())
    z = torch.zeros(len(label) + len(characters), CONFIG.latent_size)
    writing = model.write(z, torch.cat([label, characters]))
    letters = fine.float() / 255
    coarse = torch.cat([x, torch.nn.functional.avg_pool2d(letters, 2)])
    found = [reconstruction(model, writing, coarse, letters, generator(seed)).detach() for seed in range(8)]
    for values in found:
        torch.testing.assert_close(values[: len(x)], found[0][: len(x)])
        assert torch.all((values[len(x) :] / found[0][len(x) :] - 1).abs() < 0.1)
    # Untrained strokes are dots in the middle, about which the four fine pictures are symmetric.
    assert len({round(float(values[-1]), 2) for values in found}) == 2


def test_proportions_are_measured_in_units_of_what_is_much() -> None:
    true = torch.tensor([[0.05, 24.0, 0.1, 0.2]])
    assert proportions(true, true) == 0
    scales = torch.tensor(METRIC_SCALES)
    off = torch.cat([true[:, :1] * torch.exp(scales[:1]), true[:, 1:] + scales[1:]], dim=1)
    torch.testing.assert_close(proportions(off, true), torch.tensor([2.0]))  # four times Huber's half


def writing(control: Tensor, presence: float = 1.0) -> Writing:
    return Writing(
        control,
        torch.full((1, 2, 4), 1.5),
        torch.full((1, 2), presence),
        torch.tensor([0.3]),
        torch.ones(1),
        torch.zeros(1, 4),
    )


def test_edges_are_as_soft_as_those_of_characters() -> None:
    """The squared error has a gradient of the softness alone, and is 0 at that of the characters."""
    model = pen()
    label = torch.arange(4)
    drawn = model.write(torch.zeros(4, model.config.latent_size), label)
    soft = drawn._replace(softness=torch.full((4,), 0.35))
    with torch.no_grad():
        x = paint(model.strokes(soft, hard=False), soft.softness, model.places).view(4, 28, 28)
    assert edge_error(model, soft, x).sum() == pytest.approx(0, abs=1e-6)
    edge_error(model, drawn._replace(softness=drawn.softness - 0.1), x).sum().backward()  # type: ignore[no-untyped-call]
    gradients = model.decoder.last.linear.weight.grad
    assert gradients is not None
    rows = gradients.abs().sum(dim=1)
    assert rows[-5] > 0
    assert torch.cat([rows[:-5], rows[-4:]]).max() == 0


def batch(model: Pen, drawer: Drawer) -> tuple[Writing, torch.Tensor, torch.Tensor]:
    """Return a batch at latents of 0: its glyphs as decoded and at 28×28, and the writers' at 56×56."""
    x, label = drawer.singles(generator())
    fine, characters, _ = drawer.writing(generator())
    letters = fine.float() / 255
    coarse = torch.cat([x, torch.nn.functional.avg_pool2d(letters, 2)])
    writing = model.write(torch.zeros(len(coarse), model.config.latent_size), torch.cat([label, characters]))
    return writing, coarse, letters


def test_the_likelihood_has_no_say_in_how_soft_edges_are(drawer: Drawer) -> None:
    model = pen()
    writing, coarse, letters = batch(model, drawer)
    reconstruction(model, writing, coarse, letters, generator()).sum().backward()  # type: ignore[no-untyped-call]
    gradients = model.decoder.last.linear.weight.grad
    assert gradients is not None
    assert gradients[-5].abs().max() == 0
    assert gradients[:-5].abs().max() > 0


def test_single_characters_alone_are_as_thick_as_their_box_makes_them(drawer: Drawer) -> None:
    model = pen()
    writing, coarse, letters = batch(model, drawer)
    usual, thick = (
        reconstruction(model, writing._replace(thickness=factor * writing.thickness), coarse, letters, generator())
        for factor in (1, 2)
    )
    single = len(coarse) - len(letters)
    assert torch.all(usual[:single] != thick[:single])
    assert torch.equal(usual[single:], thick[single:])


def test_straight_strokes_of_even_width_cost_their_presence_alone() -> None:
    line = torch.stack([torch.linspace(4, 24, 5), torch.linspace(4, 24, 5)], dim=1).expand(1, 2, 5, 2)
    assert float(penalties(writing(line), HOW, 1.0)) == pytest.approx(2 * HOW.sparsity, abs=1e-5)


def test_presence_is_pushed_to_an_end_only_after_a_share_of_the_steps() -> None:
    line = torch.zeros(1, 2, 5, 2)
    early, late = (float(penalties(writing(line, 0.5), HOW, share)) for share in (HOW.decide, 1.0))
    assert early == pytest.approx(HOW.sparsity)
    assert late - early == pytest.approx(HOW.decision * (1 - HOW.decide) * 2 * 0.25)


def test_matrices_and_other_weights_have_an_optimiser_each(drawer: Drawer) -> None:
    training = Training(pen(), drawer, HOW)
    before = {name: weight.detach().clone() for name, weight in training.model.named_parameters()}
    training.step()
    by_muon = {id(weight) for group in training.muon.param_groups for weight in group["params"]}
    for name, weight in training.model.named_parameters():
        assert (id(weight) in by_muon) == name.endswith("linear.weight"), name
        # What no label of the batch has stays; all else moves.
        assert weight.ndim < 2 or not torch.equal(weight, before[name]) or name == "thickness.weight", name


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # the compiler reads it of every tensor
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
@pytest.mark.untraced  # since compiling is a library's Python
def test_a_long_training_paints_by_compiled_code(drawer: Drawer) -> None:
    training = Training(pen(), drawer, replace(HOW, steps=MANY_STEPS))
    assert training.painter is not paint
    writing, coarse, letters = batch(training.model, drawer)
    plain, compiled = (
        reconstruction(training.model, writing, coarse, letters, generator(), painter)
        for painter in (paint, training.painter)
    )
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-3)


def test_without_a_compiler_a_long_training_paints_as_it_is(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert Training(pen(), drawer, replace(HOW, steps=MANY_STEPS)).painter is paint


def test_a_training_that_was_stopped_ends_as_one_that_was_not(drawer: Drawer) -> None:
    whole, part = Training(pen(), drawer, HOW), Training(pen(), drawer, HOW)
    for _ in range(6):
        whole.step()
    for _ in range(3):
        part.step()
    resumed = Training(pen(), drawer, HOW)
    resumed.load_state_dict(part.state_dict())
    for _ in range(3):
        resumed.step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_strokes_are_restored_once_after_a_share_of_the_steps(drawer: Drawer) -> None:
    restored: list[Pen] = []
    training = Training(pen(), drawer, replace(HOW, restore=0.5), restored.append)
    steps = training.how.steps
    seen = []
    for _ in range(steps):
        training.step()
        seen.append(len(restored))
    assert seen == [0] * (steps // 2) + [1] * (steps - steps // 2)
    assert restored == [training.model]


def test_training_lowers_the_loss_and_leaves_a_checkpoint_and_a_row(
    singles: Split, lettering: Lettering, tmp_path: Path
) -> None:
    how = replace(HOW, steps=40)
    before = compute_loss(pen(), Drawer(singles, lettering, how), how, 0.0, generator(7)).total
    seen: list[tuple[int, int]] = []
    model = train_pen(
        pen(), singles, lettering, tmp_path, how, lambda _: {"measured": 1.0}, progress=lambda *step: seen.append(step)
    )
    assert compute_loss(model, Drawer(singles, lettering, how), how, 0.0, generator(7)).total < before
    assert seen == [(step, 40) for step in range(1, 41)]
    assert (tmp_path / CHECKPOINT).exists()
    with (tmp_path / "metrics.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["step"] == "40"
    assert row["measured"] == "1"
    again = train_pen(pen(), singles, lettering, tmp_path, how)  # nothing is left to do
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_held_out_characters_count_label_by_label(singles: Split) -> None:
    model = pen().eval()
    images, label = torch.from_numpy(singles.images), torch.from_numpy(singles.labels)
    each = [held_out(model, images[label == one], label[label == one])["held_out/mse"] for one in (0, 1, 4)]
    assert held_out(model, images, label)["held_out/mse"] == pytest.approx(sum(each) / 3)
