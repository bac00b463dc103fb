"""Confidences that mean what they say; both losses have a gradient, as binned ECE has not."""

from torch import Tensor


def brier(confidence: Tensor, hit: Tensor) -> Tensor:
    """(1/n) sum_i (p_i - y_i)^2; p [n] in [0, 1], y [n] of 0 or 1."""
    return (confidence - hit.to(confidence.dtype)).square().mean()


def mmce(confidence: Tensor, hit: Tensor, width: float = 0.2) -> Tensor:
    """sqrt( (1/n^2) sum_ij (y_i - p_i)(y_j - p_j) exp(-|p_i - p_j| / (2 width)) ).

    The kernel calibration error of Kumar et al. 2018 over one batch (Laplacian kernel).
    """
    gap = hit.to(confidence.dtype) - confidence
    kernel = (-(confidence.unsqueeze(0) - confidence.unsqueeze(1)).abs() / (2 * width)).exp()
    square = (gap.unsqueeze(0) * gap.unsqueeze(1) * kernel).mean()
    return square.clamp(min=1e-12).sqrt()


def calibration_loss(confidence: Tensor, hit: Tensor, weight: float = 1.0) -> Tensor:
    """Brier + weight MMCE; hits carry no gradient."""
    hit = hit.detach()
    return brier(confidence, hit) + weight * mmce(confidence, hit)
