"""Neurons, layers and networks, and how they learn.

`from micrograd_like.nn import Neuron, Layer, MLP`, as in micrograd; the modules beside hold initialisation, losses,
optimisers, training, data sets and storage.
"""

from .modules import ACTIVATIONS, MLP, Layer, Module, Neuron

__all__ = ["ACTIVATIONS", "MLP", "Layer", "Module", "Neuron"]
