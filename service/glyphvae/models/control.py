"""Loading and unloading of single models while others serve."""

import logging

from glyphvae.errors import StartError
from glyphvae.models.manifest import Manifest, read_manifest
from glyphvae.models.registry import Model, Registry
from glyphvae.models.signatures import read_key

logger = logging.getLogger("glyphvae")


def load(registry: Registry, graph: str) -> Registry | None:
    """Read the model that a graph belongs to anew, verify, build and run it.

    Args:
        registry: The models that serve.
        graph: Name of the graph's folder in the model repository.

    Returns:
        The models with that one, None where no manifest names the graph.

    Raises:
        StartError: A manifest, or a file of the model, is broken.
    """
    sessions = registry.models[registry.default].sessions
    settings = sessions.settings
    key = read_key(settings.models_key) if settings.models_key else None
    for path in sorted(settings.models.glob("*.json")):
        manifest = read_manifest(path, key)
        if graph in manifest.graphs.values():
            fresh = sessions.anew(manifest)
            fresh.verify()
            fresh.build()
            return registry.replaced(Model(manifest, fresh, registry.pool))
    return None


def unload(registry: Registry, manifest: Manifest) -> Registry:
    """Return the models with one of them unloaded; requests that have begun keep its sessions to their end.

    Raises:
        StartError: It is the default model, which requests that name none need.
    """
    if manifest.name == registry.default:
        raise StartError(f"{manifest.name} is the default model, which stays loaded")
    sessions = registry.models[manifest.name].sessions.anew(manifest)
    sessions.unloaded = True
    logger.info("unloaded %s version %d", manifest.name, manifest.version)
    return registry.replaced(Model(manifest, sessions, registry.pool))
