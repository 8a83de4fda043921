"""The tools the engine is measured against, all doing the same sweep on the same batches.

Each is imported only when it is asked for: some take seconds to import.
"""

from importlib import import_module

from peers.interface import Batch, Component, Method, Peer, Place, patch_name, places

PEERS = {
    "hooks": ("peers.hooks", "Hooks"),
    "hooks_cached": ("peers.hooks_cached", "HooksCached"),
    "nnsight": ("peers.nnsight", "Nnsight"),
    "pyvene": ("peers.pyvene", "Pyvene"),
    "transformer_lens": ("peers.transformer_lens", "TransformerLens"),
    "transformer_lens_single": ("peers.transformer_lens", "TransformerLensSingle"),
}

__all__ = [
    "PEERS",
    "Batch",
    "Component",
    "Method",
    "Peer",
    "Place",
    "load_peer",
    "patch_name",
    "places",
]


def load_peer(name: str) -> type[Peer]:
    """The class of a peer; give it a model to set it up."""
    module, attribute = PEERS[name]
    return getattr(import_module(module), attribute)
