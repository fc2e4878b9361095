"""The same application on Ray Serve: replicas on any node of a Ray cluster, each with its own models and batches.

`serve run deploy/ray/serve.yaml` starts it. Ray's proxies hand requests to replicas; in each replica the application is
the one that `glyphvae serve` runs, with settings from the environment. Needs Ray, which the service does not.
"""

from ray import serve  # pragma: no cover (make ray-test)

from glyphvae.application import create  # pragma: no cover (make ray-test)

# How many replicas there are, on what, and when there are more is for deploy/ray/serve.yaml to say.
app = serve.deployment(name="glyphvae")(serve.ingress(create)()).bind()  # pragma: no cover (make ray-test)
