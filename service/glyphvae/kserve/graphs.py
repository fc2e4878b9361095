"""The exported graphs, each of which is a model of the Open Inference Protocol.

The names are those of the folders in the model repository, so a client can go from here to a Triton server over the
same repository.
"""

from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glyphvae.errors import UnknownModel
from glyphvae.kserve.tensors import Spec, Tensor
from glyphvae.models.manifest import Part
from glyphvae.models.registry import Model, Registry
from glyphvae.models.sessions import STROKES
from glyphvae.models.statistics import Statistics
from glyphvae.scheduling.steps import Program
from glyphvae.wording import quoted

_IMAGES = (-1, 28, 28)
# Graphs that take latents.
DECODERS = {"decoder", "strokes"}
_STROKES = ((-1, -1, -1, 2), (-1, -1, -1), (-1, -1), (-1, 4))


@dataclass(frozen=True)
class Graph:
    """An exported graph as the protocol sees it.

    Attributes:
        name: Its folder in the model repository.
        model: The model that it belongs to.
        part: Which of its graphs it is.
    """

    name: str
    model: Model
    part: Part

    @property
    def version(self) -> str:
        """The version of its model."""
        return str(self.model.manifest.version)

    @property
    def statistics(self) -> Statistics:
        """The counts of its runs and requests."""
        return self.model.sessions.statistics[self.part]

    @cached_property
    def inputs(self) -> dict[str, Spec]:
        """The inputs, by name."""
        latents = Spec("z", "FP32", (-1, self.model.manifest.latent_size))
        first = latents if self.part in DECODERS else Spec("pixels", "UINT8", _IMAGES)
        # As in Triton's configuration, which knows no tensor of one axis.
        conditional = self.model.manifest.labels and self.part != "classifier"
        label = [Spec("label", "INT64", (-1, 1))] if conditional else []
        return {spec.name: spec for spec in (first, *label)}

    @cached_property
    def outputs(self) -> dict[str, Spec]:
        """The outputs, by name."""
        specs = {
            "encoder": [Spec(name, "FP32", (-1, self.model.manifest.latent_size)) for name in ("mu", "logvar")],
            "decoder": [Spec("pixels", "UINT8", _IMAGES), Spec("logits", "FP32", _IMAGES)],
            "classifier": [Spec("logits", "FP32", (-1, len(self.model.manifest.labels)))],
            # How many strokes, control points and knots there are, only the graph knows.
            "strokes": [Spec(name, "FP32", shape) for name, shape in zip(STROKES, _STROKES, strict=True)],
        }
        return {spec.name: spec for spec in specs[self.part]}

    def check(self) -> None:
        """Run its model once.

        Raises:
            NotReady: It does not run.
        """
        self.model.check()

    def run(self, inputs: Mapping[str, Tensor], outputs: set[str]) -> Program[dict[str, Tensor]]:
        """Compute the tensors `outputs`, which may come with others.

        Raises:
            NotReady: It does not run.
        """
        model = self.model
        first = inputs["z" if self.part in DECODERS else "pixels"]
        labels = inputs.get("label", np.zeros(len(first), dtype=np.int64)).reshape(len(first))
        if self.part == "classifier":
            return {"logits": (yield from model.classify(first))}
        if self.part == "encoder":
            return dict(zip(("mu", "logvar"), (yield from model.encode(first, labels)), strict=True))
        if self.part == "strokes":
            return dict(vars((yield from model.strokes(first, labels))))
        if "logits" in outputs:
            return dict(zip(("pixels", "logits"), (yield from model.decode_logits(first, labels)), strict=True))
        return {"pixels": (yield from model.decode(first, labels))}


def graphs(registry: Registry) -> Collection[Graph]:
    """Return the graphs of all models."""
    return _by_name(registry).values()


def _by_name(registry: Registry) -> Mapping[Hashable, Graph]:
    kept = registry.kept.get(Graph)
    if kept is None:
        listed = [
            Graph(name, model, part)
            for model in registry.models.values()
            for part, name in model.manifest.graphs.items()
        ]
        registry.kept[Graph] = kept = OrderedDict((graph.name, graph) for graph in listed)
    return kept


def find(registry: Registry, name: str, version: str | None) -> Graph:
    """Return the graph called `name`; None or an empty version stands for the one that there is.

    Raises:
        UnknownModel: There is none, or not of that version.
    """
    graph = _by_name(registry).get(name)
    if graph is not None and (not version or version == graph.version):
        return graph
    of_version = f" of version {quoted(version)}" if version else ""
    raise UnknownModel(f"There is no model {quoted(name)}{of_version}.")
