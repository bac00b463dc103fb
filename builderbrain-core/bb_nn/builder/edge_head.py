"""Which earlier steps a step waits for besides its data: one yes or no for each."""

import torch
from torch import Tensor, nn

EDGE_FEATURES = 8
"""See `features.edge_features`."""


class EdgeHead(nn.Module):
    """p(e_ji) = sigmoid(q_i . k_j / sqrt(width) + w . f_ji + b), j < i only: acyclic as built."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(2 * width, width)
        self.features = nn.Linear(EDGE_FEATURES, 1)

    def forward(self, h: Tensor, node: Tensor, register: Tensor, features: Tensor) -> Tensor:
        """Logits [E] of E pairs: h of the later step, node and register of the earlier [E, width].

        features: [E, EDGE_FEATURES].
        """
        key = self.key(torch.cat([node, register], dim=-1))
        scale = h.shape[-1] ** -0.5
        same = (self.query(h) * key).sum(-1) * scale
        logits: Tensor = same + self.features(features).squeeze(-1)
        return logits
