"""FSDP2 over a model with a rail: the units it must be cut into, in the order that works."""

from typing import Any

from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from bb_nn.base_adapter import decoder_layers
from bb_nn.dual_rail import DualRail


def shard(model: DualRail, mesh: DeviceMesh, **options: Any) -> DualRail:
    """Shard each block of the rail, each layer of the base, then what is left, in place.

    The blocks come first, since a layer's hook runs them while the layer itself is gathered. Ways
    in, gates and in-path deltas stay with the root, which is gathered for the whole call.
    """
    for block in model.rail.blocks:
        fully_shard(block, mesh=mesh, **options)
    for layer in decoder_layers(model.base):
        fully_shard(layer, mesh=mesh, **options)
    fully_shard(model, mesh=mesh, **options)
    return model
