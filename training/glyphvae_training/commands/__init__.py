"""The command line of training, a module for each command."""
