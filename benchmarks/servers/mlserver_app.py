"""MLServer: the Open Inference Protocol, label in and 784 grey levels out."""

from mlserver import MLModel  # type: ignore[import-not-found]  # in its own environment only
from mlserver.codecs import NumpyCodec  # type: ignore[import-not-found]
from mlserver.types import InferenceRequest, InferenceResponse  # type: ignore[import-not-found]

from benchmarks.servers.glyphs import Glyphs


class GlyphModel(MLModel):  # type: ignore[misc]
    """The decoder behind MLServer."""

    async def load(self) -> bool:
        """Load the model where it runs."""
        self.glyphs = Glyphs()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One row of pixels for each label."""
        labels = NumpyCodec.decode_input(payload.inputs[0]).ravel()
        pixels = self.glyphs.draw(labels).reshape(len(labels), -1)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("pixels", pixels)])
