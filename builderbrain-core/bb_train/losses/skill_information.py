"""A guard against a router that uses one skill for everything."""

from torch import Tensor

TINY = 1e-12


def mutual_information(z: Tensor, gold: Tensor, skills: int) -> Tensor:
    """I(z; s) = sum_{k,s} p(k,s) log p(k,s) / (p(k) p(s)), nats.

    p(k,s) = (1/T) sum_t z_tk 1[s_t = s]. z [T, K] probabilities or one-hot choices on labelled
    nodes; gold [T] in 0..skills-1. Between 0 and min(log K, H(s)).
    """
    joint = _joint(z, gold, skills)
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (joint * (joint.clamp(min=TINY).log() - apart.clamp(min=TINY).log())).sum()


def skill_information(z: Tensor, gold: Tensor, skills: int) -> Tensor:
    """H(s | z) = H(s) - I(z; s), nats: what the choice leaves open of the gold skill.

    The constraint is H(s | z) <= c; I(z; s) >= H(s) - c is the same said of the information.
    """
    share = _joint(z, gold, skills).sum(0)
    entropy = -(share * share.clamp(min=TINY).log()).sum()
    return entropy - mutual_information(z, gold, skills)


def _joint(z: Tensor, gold: Tensor, skills: int) -> Tensor:
    hot = z.new_zeros(len(gold), skills).scatter_(1, gold.unsqueeze(1), 1.0)
    return z.T @ hot / max(len(gold), 1)
