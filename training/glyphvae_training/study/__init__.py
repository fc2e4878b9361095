"""The experiments of the paper "Introduction to Variational AutoEncoder", reproduced and measured."""
