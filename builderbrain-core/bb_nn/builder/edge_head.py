"""Which earlier steps a step waits for besides its data: one yes or no for each."""

import torch
from torch import Tensor, nn

EDGE_FEATURES = 12
"""See `features.edge_features`."""


class EdgeHead(nn.Module):
    """p(e_ji) = sigmoid(q_i . k_j / sqrt(width) + (w + W h_i) . f_ji + b), j < i: acyclic as built.

    What a feature weighs depends on the step that waits: one that asks waits for what its own
    clause looked up, the first of a clause for what nobody waits for yet.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(2 * width, width)
        self.features = nn.Linear(EDGE_FEATURES, 1)
        self.weights = nn.Linear(width, EDGE_FEATURES, bias=False)

    def forward(self, h: Tensor, node: Tensor, register: Tensor, features: Tensor) -> Tensor:
        """Logits [E] of E pairs: h of the later step, node and register of the earlier [E, width].

        features: [E, EDGE_FEATURES].
        """
        key = self.key(torch.cat([node, register], dim=-1))
        scale = h.shape[-1] ** -0.5
        same = (self.query(h) * key).sum(-1) * scale
        weighed = (self.weights(h) * features).sum(-1)
        logits: Tensor = same + self.features(features).squeeze(-1) + weighed
        return logits
