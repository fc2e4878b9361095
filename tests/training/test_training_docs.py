import inspect
import re
from pathlib import Path
from typing import get_args

from glyphvae_training.commands.export import export
from glyphvae_training.commands.quantise import quantise
from glyphvae_training.commands.train import train
from glyphvae_training.models.decoders import DecoderName
from glyphvae_training.models.encoders import EncoderName

TEXT = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_every_option_in_the_text_exists() -> None:
    parameters = {name for command in (train, export, quantise) for name in inspect.signature(command).parameters}
    mentioned = {option.removeprefix("no-").replace("-", "_") for option in re.findall(r"--([a-z][a-z-]*)", TEXT)}
    assert mentioned - {"help"} <= parameters
    assert len(mentioned) > 5


def test_every_encoder_and_decoder_is_described() -> None:
    rows = set(re.findall(r"^\| `([a-z]+)` \|", TEXT, re.MULTILINE))
    assert rows == {*get_args(EncoderName), *get_args(DecoderName)}
