"""The Open Inference Protocol under `/v2`: each exported graph as a model that any KServe or Triton client can call."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from glyphvae.api.context import Running
from glyphvae.api.readiness import check_live, check_ready
from glyphvae.errors import NotReady, UnknownModel, documented
from glyphvae.kserve.described import (
    EXAMPLES,
    PARAMETERS,
    Live,
    ModelConfiguration,
    ModelFacts,
    ModelReady,
    ModelStatistics,
    Ready,
    ServerFacts,
)
from glyphvae.kserve.facts import configuration, model_facts, server_facts, statistics
from glyphvae.kserve.graphs import find, graphs
from glyphvae.kserve.inference import Infer, InferVersion
from glyphvae.kserve.repository import ListModels, Load, Unload

OPERATIONS = (Infer, InferVersion, ListModels, Load, Unload)

router = APIRouter(prefix="/v2")
GraphName = Annotated[str, Path(description=PARAMETERS["name"], examples=[EXAMPLES["name"]])]
GraphVersion = Annotated[str, Path(description=PARAMETERS["version"], examples=[EXAMPLES["version"]])]


@router.get("", name="inference_server", summary="Describe the server", response_model=ServerFacts)
@router.get("/", include_in_schema=False)
async def server() -> dict[str, Any]:
    """Describe the server."""
    return server_facts()


@router.get(
    "/health/live",
    name="inference_live",
    summary="Is the process alive?",
    response_model=Live,
    responses=documented(NotReady),
)
async def live(context: Running) -> dict[str, bool]:
    """Report whether the process lives, as `/livez` does."""
    check_live(context)
    return {"live": True}


@router.get(
    "/health/ready",
    name="inference_ready",
    summary="Can it answer?",
    response_model=Ready,
    responses=documented(NotReady),
)
async def ready(context: Running) -> dict[str, bool]:
    """Report whether it can answer, as `/readyz` does."""
    check_ready(context)
    return {"ready": True}


@router.get("/models/stats", name="statistics", summary="What has been computed?", response_model=ModelStatistics)
async def all_statistics(context: Running) -> dict[str, Any]:
    """Count what all graphs have computed."""
    return statistics(graphs(context.registry))


@router.get(
    "/models/{name}",
    name="graph",
    summary="Describe a graph",
    response_model=ModelFacts,
    responses=documented(UnknownModel),
)
async def describe(name: GraphName, context: Running) -> dict[str, Any]:
    """Describe the inputs and outputs of a graph."""
    return model_facts(find(context.registry, name, None))


@router.get(
    "/models/{name}/versions/{version}",
    name="graph_version",
    summary="Describe a version of a graph",
    response_model=ModelFacts,
    responses=documented(UnknownModel),
)
async def describe_version(name: GraphName, version: GraphVersion, context: Running) -> dict[str, Any]:
    """Describe the inputs and outputs of a version of a graph."""
    return model_facts(find(context.registry, name, version))


@router.get(
    "/models/{name}/ready",
    name="graph_ready",
    summary="Can a graph answer?",
    response_model=ModelReady,
    responses=documented(UnknownModel, NotReady),
)
async def model_ready(name: GraphName, context: Running) -> dict[str, Any]:
    """Run the model once."""
    find(context.registry, name, None).check()
    return {"name": name, "ready": True}


@router.get(
    "/models/{name}/versions/{version}/ready",
    name="graph_version_ready",
    summary="Can a version of a graph answer?",
    response_model=ModelReady,
    responses=documented(UnknownModel, NotReady),
)
async def model_version_ready(name: GraphName, version: GraphVersion, context: Running) -> dict[str, Any]:
    """Run that version of the model once."""
    find(context.registry, name, version).check()
    return {"name": name, "ready": True}


@router.get(
    "/models/{name}/config",
    name="graph_config",
    summary="How is a graph run?",
    response_model=ModelConfiguration,
    responses=documented(UnknownModel),
)
async def graph_config(name: GraphName, context: Running) -> dict[str, Any]:
    """Describe how a graph is run, as Triton's `ModelConfig`."""
    return configuration(find(context.registry, name, None), context)


@router.get(
    "/models/{name}/versions/{version}/config",
    name="graph_version_config",
    summary="How is a version of a graph run?",
    response_model=ModelConfiguration,
    responses=documented(UnknownModel),
)
async def graph_version_config(name: GraphName, version: GraphVersion, context: Running) -> dict[str, Any]:
    """Describe how a version of a graph is run, as Triton's `ModelConfig`."""
    return configuration(find(context.registry, name, version), context)


@router.get(
    "/models/{name}/stats",
    name="graph_stats",
    summary="What has a graph computed?",
    response_model=ModelStatistics,
    responses=documented(UnknownModel),
)
async def graph_stats(name: GraphName, context: Running) -> dict[str, Any]:
    """Count what a graph has computed."""
    return statistics([find(context.registry, name, None)])


@router.get(
    "/models/{name}/versions/{version}/stats",
    name="graph_version_stats",
    summary="What has a version of a graph computed?",
    response_model=ModelStatistics,
    responses=documented(UnknownModel),
)
async def graph_version_stats(name: GraphName, version: GraphVersion, context: Running) -> dict[str, Any]:
    """Count what a version of a graph has computed."""
    return statistics([find(context.registry, name, version)])
