"""The manifest of an exported model: its properties, and its files with their sha256."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from glyphvae.errors import StartError
from glyphvae.files import read_file
from glyphvae.models.likeness import Likeness
from glyphvae.models.signatures import check_signature
from glyphvae.wording import SHA256, Pattern

Part = Literal["encoder", "decoder", "classifier", "strokes"]
# Of manifests with a graph of strokes.
STROKES_SCHEMA = 2


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pixels(_Facts):
    """The pixel convention shared by training and service."""

    height: Literal[28]
    width: Literal[28]
    paper: Literal[0]
    ink: Literal[255]
    normalisation: Literal["mnist-20x20-mass"] = Field(
        description="Ink cropped, fitted to `box`x`box` and centred by mass in `height`x`width`, as in MNIST."
    )
    box: Literal[20]


class File(_Facts):
    """An ONNX file of the model."""

    entry: str = Field(description="Name of the file's entry in the model repository.")
    file: Annotated[str, Pattern(r"^[^\x00]+$", "a path")] = Field(
        description="Path of the file, relative to the model repository."
    )
    sha256: Annotated[str, SHA256]
    bytes: Annotated[int, Field(gt=0)]


class Manifest(_Facts):
    """The description of a model, as written by its export."""

    schema_version: Literal[1, 2] = Field(alias="schema", description="2 for a model that draws strokes, too.")
    name: Annotated[
        str,
        Field(max_length=64),
        Pattern(
            r"^[a-z0-9][a-z0-9._-]*$",
            "small letters, digits, dots, underscores and hyphens, the first a letter or a digit",
        ),
    ]
    version: Annotated[int, Field(ge=1)]
    kind: Literal["vae", "cvae"]
    replaces: tuple[Annotated[str, Field(max_length=64)], ...] = Field(
        (), description="Names of models that are no longer served and whose place it takes; a 404 for them names it."
    )
    summary: str
    labels: tuple[Annotated[str, Field(min_length=1, max_length=16)], ...] = Field(
        description="The characters that the model writes, in the order of their labels, and names of several "
        "characters; empty for an unconditional model."
    )
    latent_size: Annotated[int, Field(ge=1)]
    beta: float
    series: Annotated[str, Pattern(r"^[0-9a-f]{12}$", "12 hexadecimal digits")] | None = Field(
        None, description="Fingerprint of everything that the training was given but `beta`; null if unknown."
    )
    likelihood: Literal["bernoulli"]
    pixels: Pixels
    encoder: File
    decoder: File
    strokes: File | None = Field(
        None, description="The decoder to pen strokes, of a manifest of schema 2: control points, radii, presence."
    )
    encoder_int8: File | None = Field(None, alias="encoder-int8", description="Encoder in 8-bit integers, for CPUs.")
    decoder_int8: File | None = Field(None, alias="decoder-int8", description="Decoder in 8-bit integers, for CPUs.")
    decoder_fixed: File | None = Field(
        None, alias="decoder-fixed", description="Decoder whose sizes depend on the batch alone, for GPUs."
    )
    decoder_float16: File | None = Field(None, alias="decoder-float16", description="Half-precision decoder, for GPUs.")
    classifier: File | None = Field(
        None,
        description="The classifier that finds the label of an image, on the CPU. Without it, the label with the "
        "highest ELBO is chosen.",
    )
    data: dict[str, Any]
    code: dict[str, Any]
    config: dict[str, Any]
    training: dict[str, Any] | None = Field(None, description="Every setting of the training; null if unknown.")
    weights: Annotated[str, SHA256] | None = Field(
        None,
        description="Fingerprint of the weights that give the latents of a hand their meaning; hands name it. Null: "
        "the decoder's `sha256` stands for it.",
    )
    metrics: dict[str, Any]

    def encoder_for(self, device: str, precision: str) -> File:
        """Return the encoder to run on `device` at the `precision` setting."""
        return (device == "cpu" and precision == "auto" and self.encoder_int8) or self.encoder

    def decoder_for(self, device: str, precision: str) -> File:
        """Return the decoder to run on `device` at the `precision` setting; only a CPU gains from integers."""
        if device == "cpu":
            return (precision == "auto" and self.decoder_int8) or self.decoder
        return (precision == "float16" and self.decoder_float16) or self.decoder_fixed or self.decoder

    @property
    def graphs(self) -> dict[Part, str]:
        """The names of its graphs in the model repository."""
        files: dict[Part, File | None] = {"encoder": self.encoder, "decoder": self.decoder}
        files |= {"classifier": self.classifier, "strokes": self.strokes}
        return {part: file.entry for part, file in files.items() if file is not None}

    @property
    def hand_size(self) -> int:
        """Number of latents, the first ones, that are the hand of a writer; 0 of a model that has no such part."""
        size: int = self.config.get("hand_size", 0)
        return size

    @model_validator(mode="after")
    def _labels_match_the_kind(self) -> "Manifest":
        if (self.kind == "cvae") != bool(self.labels):
            raise ValueError("a conditional model has labels and an unconditional one has none")
        if self.classifier is not None and not self.labels:
            raise ValueError("an unconditional model has no classifier")
        return self

    @model_validator(mode="after")
    def _strokes_match_the_schema(self) -> "Manifest":
        if (self.schema_version == STROKES_SCHEMA) != (self.strokes is not None):
            raise ValueError("a manifest of schema 2 names a graph of strokes, and one of schema 1 none")
        if self.strokes is not None and not self.labels:
            raise ValueError("an unconditional model draws no strokes")
        return self

    @model_validator(mode="after")
    def _the_likeness_is_whole(self) -> "Manifest":
        Likeness.of(self.metrics)
        return self

    @model_validator(mode="after")
    def _the_hand_is_a_part_of_the_latents(self) -> "Manifest":
        size: object = self.hand_size
        if type(size) is not int or not 0 <= size <= self.latent_size:
            raise ValueError(f"config.hand_size is not a whole number from 0 to {self.latent_size}, the latents")
        return self


def read_manifest(path: Path, key: bytes | None = None) -> Manifest:
    """Read a manifest.

    Args:
        path: The file, named after its model.
        key: The key that the manifest must be signed with, None if no signature is required.

    Raises:
        StartError: The file cannot be read, or it is unsigned, not JSON, not a manifest, or another model's.
    """
    _check_place(path, path.parent)
    content = read_file(path)
    if key is not None:
        check_signature(path, content, key)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        reason = ": ".join([".".join(map(str, first["loc"])), first["msg"]] if first["loc"] else [first["msg"]])
        raise StartError(f"{path}: not a model manifest: {reason}") from None
    if manifest.name != path.stem:
        raise StartError(f"{path}: this is the manifest of {manifest.name!r}, which belongs in {manifest.name}.json")
    return manifest


def read_verified(repository: Path, file: File) -> bytes:
    """Read `file` and verify that its content is the one that the manifest names.

    Raises:
        StartError: The file cannot be read, it is outside the repository, or its sha256 differs.
    """
    path = repository / file.file
    _check_place(path, repository)
    content = read_file(path, file.bytes)
    if len(content) != file.bytes:
        raise StartError(f"{path}: {len(content)} bytes, but the manifest says {file.bytes}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise StartError(f"{path}: sha256 is {digest}, but the manifest says {file.sha256}")
    return content


def _check_place(path: Path, repository: Path) -> None:
    # Links within the folder are allowed, because Kubernetes volumes use them; links out of it are not.
    # `realpath`, because `resolve` raises another error for each version of Python where links form a circle.
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(repository)):
        raise StartError(f"{path}: lies outside the model repository")
