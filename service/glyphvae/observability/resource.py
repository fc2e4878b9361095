"""The resource that traces and metrics of OpenTelemetry describe: this process of the service."""

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from glyphvae import __version__


def resource() -> Resource:
    """Return the resource, named by `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` where these are set."""
    # What `Resource.create` is given would count for more than the environment.
    named = OTELResourceDetector().detect().attributes
    return Resource.create({"service.name": "glyphvae", "service.version": __version__, **named})
