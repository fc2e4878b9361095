"""`GET /models` and `GET /models/{name}`: what is served."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from glyphvae.api.context import Running
from glyphvae.errors import UnknownModel, documented
from glyphvae.models.manifest import Manifest
from glyphvae.models.providers import Device
from glyphvae.models.registry import Model

router = APIRouter(prefix="/models")


class ServedModel(Manifest):
    """A model's manifest, and where it runs."""

    device: Device = Field(description="Where ONNX Runtime runs it.")
    default: bool = Field(description="Whether requests that name no model get this one.")


@router.get("", summary="List the models")
async def list_models(context: Running) -> list[ServedModel]:
    """List every model that is served, with all facts of its manifest."""
    return [_served(model, context.registry.default) for model in context.registry.models.values()]


@router.get("/{name}", summary="Describe a model", responses=documented(UnknownModel))
async def get_model(
    name: Annotated[str, Path(description="Its name.", examples=["cvae"])], context: Running
) -> ServedModel:
    """Describe a model, with all facts of its manifest."""
    return _served(context.registry.get(name), context.registry.default)


def _served(model: Model, default: str) -> ServedModel:
    facts = model.manifest.model_dump(by_alias=True)
    return ServedModel(**facts, device=model.device, default=model.manifest.name == default)
