from collections.abc import Mapping

import numpy as np
import pytest

from glyphvae.models.hand_string import RESOLUTION, read_hand, write_hand
from glyphvae.models.manifest import Manifest, read_manifest
from tests.known_model import decoder, write_model

# A hand of the known model: format version 1, 3 bytes of the decoder's sha256, two latents, a checksum.
LATENTS = (0.5, -3.0)


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Manifest]:
    folder = tmp_path_factory.mktemp("exported")
    write_model(folder, "cvae", config={"hand_size": 2})
    write_model(folder, "other", files={"decoder": decoder(base=90)}, config={"hand_size": 2})
    write_model(folder, "wide", config={"hand_size": 5})  # the same decoder as `cvae`, to speak of another length
    write_model(folder, "without", files={"decoder": decoder(base=80)})
    return {path.stem: read_manifest(path) for path in sorted(folder.glob("*.json"))}


@pytest.fixture
def cvae(manifests: Mapping[str, Manifest]) -> Manifest:
    return manifests["cvae"]


def hand(manifest: Manifest, latents: tuple[float, ...] = LATENTS) -> str:
    return write_hand(np.array(latents, np.float32), manifest)


def test_latents_come_back_as_they_were_rounded(manifests: Mapping[str, Manifest]) -> None:
    rng = np.random.default_rng(7)
    for name, size in (("cvae", 2), ("wide", 5)):
        for _ in range(50):
            latents = rng.uniform(-10, 10, size).astype(np.float32)
            read = read_hand(write_hand(latents, manifests[name]), manifests[name], manifests)
            assert np.abs(np.array(read) - latents).max() <= RESOLUTION / 2 + 1e-6
            assert write_hand(np.array(read, np.float32), manifests[name]) == write_hand(latents, manifests[name])


def test_the_ends_of_the_range_are_reached_and_not_passed(cvae: Manifest, manifests: Mapping[str, Manifest]) -> None:
    assert read_hand(hand(cvae, (-11, 12)), cvae, manifests) == (-10, 10)


def test_a_hand_of_twelve_latents_has_28_characters_of_a_link(cvae: Manifest) -> None:
    text = write_hand(np.linspace(-3, 3, 12, dtype=np.float32), cvae)
    assert len(text) == 28
    assert text.replace("-", "").replace("_", "").isalnum()


def test_the_format_stays(cvae: Manifest, manifests: Mapping[str, Manifest]) -> None:
    """Strings that people keep are read for ever; the decoder's hash is a fixed one here."""
    fixed = cvae.model_copy(update={"decoder": cvae.decoder.model_copy(update={"sha256": "0123ab" + "0" * 58})})
    assert hand(fixed) == "AQEjq4ZWoHfH"
    assert read_hand("AQEjq4ZWoHfH", fixed, manifests) == pytest.approx(LATENTS)


def test_a_hand_outlives_other_graphs_of_the_same_weights(cvae: Manifest, manifests: Mapping[str, Manifest]) -> None:
    known = cvae.model_copy(update={"weights": "0123ab" + "0" * 58})
    exported_again = known.model_copy(update={"decoder": manifests["other"].decoder})
    assert read_hand(hand(known), exported_again, manifests) == pytest.approx(LATENTS)
    with pytest.raises(ValueError, match="a model that is not served"):
        read_hand(hand(known), cvae, manifests)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text[:6] + ("A" if text[6] != "A" else "B") + text[7:],
        lambda text: text + "=",
        lambda text: text[:5] + " " + text[5:],
        lambda text: text[:5] + "é" + text[6:],
        lambda text: text[:0],
        lambda text: text[:2],
        lambda text: "B" + text[1:],
    ],
)
def test_a_damaged_string_is_refused(damage: object, cvae: Manifest, manifests: Mapping[str, Manifest]) -> None:
    assert callable(damage)
    with pytest.raises(ValueError, match="is no hand, or a part of it is missing or changed; copy all of `hand`"):
        read_hand(damage(hand(cvae)), cvae, manifests)


def test_any_changed_character_is_noticed(cvae: Manifest, manifests: Mapping[str, Manifest]) -> None:
    text = hand(cvae)
    for place in range(len(text)):
        for other in "Aa0-_z":
            if other != text[place]:
                with pytest.raises(ValueError, match="is no hand"):
                    read_hand(text[:place] + other + text[place + 1 :], cvae, manifests)


def test_an_unknown_version_is_named(
    cvae: Manifest, manifests: Mapping[str, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as later:
        later.setattr("glyphvae.models.hand_string.VERSION", 2)
        text = hand(cvae)
    with pytest.raises(ValueError, match="of format version 2, and this service reads version 1; make it again with"):
        read_hand(text, cvae, manifests)


def test_the_hand_of_another_model_is_refused_with_that_model(
    cvae: Manifest, manifests: Mapping[str, Manifest]
) -> None:
    text = hand(manifests["other"])
    with pytest.raises(ValueError, match="it is no hand of model 'cvae' but of model 'other'; send model=other"):
        read_hand(text, cvae, manifests)
    with pytest.raises(ValueError, match="but of a model that is not served; make it again with POST /hand"):
        read_hand(text, cvae, {"cvae": cvae})


def test_a_hand_of_another_length_is_refused(manifests: Mapping[str, Manifest]) -> None:
    with pytest.raises(ValueError, match="it has not the 2 latents of a hand of model 'cvae'; make it again"):
        read_hand(hand(manifests["wide"], (1, 2, 3, 4, 5)), manifests["cvae"], manifests)


def test_a_model_without_a_hand_names_those_that_have_one(manifests: Mapping[str, Manifest]) -> None:
    without = manifests["without"]
    with pytest.raises(ValueError, match="model 'without' has no hand; models with one are: cvae, other, wide"):
        read_hand("x", without, manifests)
    with pytest.raises(ValueError, match="model 'without' has no hand; no model that is served has one"):
        read_hand("x", without, {"without": without})
