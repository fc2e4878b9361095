"""The autoencoders and their parts."""
