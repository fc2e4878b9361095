"""HTTP around the operations: limits, keys, CORS, documentation and the playground."""
