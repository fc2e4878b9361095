"""The command line of training, one module for each command.

`glyphvae` finds the commands by their entry points. Each imports what it needs only when it runs, so that
`glyphvae serve` starts without PyTorch.
"""
