"""One rank of the sharded test: train, then generate, and print what came out.

usage: sharded_run.py FAMILY COUPLING PORT WORLD RANK; a world of 1 shards nothing.
"""

import json
import os
import sys

import torch

from bb_nn.shard import shard
from tests.conformance.families import ids, railed

STEPS = 4


def main() -> None:
    """Train on a rank's rows; rank 0 prints losses, gradient norms, gates and a text."""
    family, coupling, port, world, rank = sys.argv[1:]
    mesh = joined(port, int(world), int(rank))
    model = railed(family, coupling)
    if mesh is not None:
        shard(model, mesh)
    rows = ids(rows=4)
    mine = rows.chunk(int(world))[int(rank)]
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    model.train()
    losses, norms = [], []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = model(input_ids=mine, labels=mine).loss
        loss.backward()
        norms.append(whole(torch.nn.utils.get_total_norm([p.grad for p in learnt(model)])))
        optimiser.step()
        model.gates.project_()
        losses.append(mean(loss.detach(), mesh))
    model.eval()
    text = model.generate(rows, max_new_tokens=5, do_sample=False)
    if int(rank) == 0:
        gates = [round(gate, 5) for gate in full(model.gates.alpha).tolist()]
        print(json.dumps({"losses": losses, "norms": norms, "gates": gates, "text": text.tolist()}))
    if mesh is not None:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def joined(port: str, world: int, rank: int):  # type: ignore[no-untyped-def]
    """The mesh of all ranks, or None where there is one only."""
    if world == 1:
        return None
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
    return torch.distributed.device_mesh.init_device_mesh("cpu", (world,))


def learnt(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The parameters with a gradient."""
    return [p for p in model.parameters() if p.grad is not None]


def full(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of all ranks."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def whole(norm: torch.Tensor) -> float:
    """A norm over all ranks."""
    return float(full(norm))


def mean(loss: torch.Tensor, mesh: object) -> float:
    """The mean loss over the ranks."""
    if mesh is not None:
        torch.distributed.all_reduce(loss)
        loss /= torch.distributed.get_world_size()
    return float(loss)


if __name__ == "__main__":
    main()
