"""Measurements of the service beside others, one part a module; `python -m benchmarks` runs them."""
