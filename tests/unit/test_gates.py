"""Gates: their budget, their projection, and when a gate is passed."""

import itertools

import pytest

torch = pytest.importorskip("torch")

from bb_nn.errors import RailError  # noqa: E402
from bb_nn.gates import Gates, project, require_gates  # noqa: E402


@pytest.mark.parametrize("cap", [0.0, 0.1, 0.5, 1.0])
def test_the_projection_is_the_nearest_point_of_a_grid(cap: float) -> None:
    generator = torch.Generator().manual_seed(0)
    ticks = torch.linspace(0, 1, 21)
    grid = torch.tensor(list(itertools.product(ticks.tolist(), repeat=3)))
    grid = grid[grid.mean(1) <= cap + 1e-6]
    for _ in range(50):
        alpha = torch.randn(3, generator=generator)
        found = project(alpha, cap)
        best = (grid - alpha).norm(dim=1).min()
        assert (found - alpha).norm() <= best + 1e-6


@pytest.mark.parametrize(
    ("alpha", "cap", "expected"),
    [
        ([0.2, 0.4], 0.5, [0.2, 0.4]),
        ([-1.0, 0.4], 0.5, [0.0, 0.4]),
        ([2.0, 0.0], 0.5, [1.0, 0.0]),
        ([0.8, 0.6], 0.5, [0.6, 0.4]),
        ([1.0, 0.1], 0.4, [0.8, 0.0]),
        ([0.3, 0.3, 0.3], 0.0, [0.0, 0.0, 0.0]),
    ],
)
def test_golden_projections(alpha: list[float], cap: float, expected: list[float]) -> None:
    assert project(torch.tensor(alpha), cap).tolist() == pytest.approx(expected, abs=1e-6)


def test_gates_are_read_again_after_an_optimiser_wrote_them() -> None:
    gates = Gates(3, alpha=0.2, cap=0.5).eval()
    assert gates.live() == (True, True, True)
    optimiser = torch.optim.SGD(gates.parameters(), lr=1.0)
    gates.alpha.grad = torch.tensor([0.9, -0.1, 0.0])
    optimiser.step()
    gates.project_()
    assert gates.live() == (False, True, True)
    with torch.no_grad():
        gates.alpha.zero_()
    assert gates.is_shut()


def test_in_training_a_shut_gate_is_passed_while_there_is_a_budget() -> None:
    gates = Gates(2, alpha=0.0, cap=0.5)
    assert gates.is_shut() is False
    assert gates.eval().is_shut()
    assert Gates(2, alpha=0.0, cap=0.0).is_shut()


def test_a_loaded_gate_is_read() -> None:
    gates, other = Gates(2, alpha=0.0, cap=0.5).eval(), Gates(2, alpha=0.3, cap=0.5)
    assert gates.is_shut()
    gates.load_state_dict(other.state_dict())
    assert gates.live() == (True, True)


def test_what_the_cap_does_not_allow_is_refused() -> None:
    gates = Gates(2, alpha=0.0, cap=0.1)
    gates.set_(torch.tensor([0.2, 0.0]))
    for wrong in (0.2, -0.1, torch.tensor([0.3, 0.0])):
        with pytest.raises(RailError, match="under a cap"):
            gates.set_(wrong)
    gates.set_(0.2, cap=0.3)
    assert gates.cap == 0.3
    assert gates.alpha.tolist() == pytest.approx([0.2, 0.2])


WRONG = [[7.0, -3.0], [0.6, 0.6], [1.5, 0.0], [float("nan"), 0.1], [float("inf"), 0.0]]


@pytest.mark.parametrize("alpha", WRONG)
def test_gates_that_the_cap_does_not_allow_are_refused_before_they_are_loaded(
    alpha: list[float],
) -> None:
    gates = Gates(2, alpha=0.1, cap=0.5).eval()
    before = gates.alpha.tolist()
    with pytest.raises(RailError, match=r"gates .* under a cap of 0\.5"):
        gates.load_state_dict({"alpha": torch.tensor(alpha)})
    assert gates.alpha.tolist() == before
    assert gates.live() == (True, True)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_a_projection_fits_the_cap_in_the_type_of_the_gates(kind: torch.dtype) -> None:
    for cap in (0.1, 0.3, 0.7, 0.999):
        require_gates(project(torch.full((3,), 2.0, dtype=kind), cap), cap)


@pytest.mark.parametrize("alpha", [[float("inf"), 0.1], [float("nan"), 0.1], [0.1, -float("inf")]])
def test_what_is_no_number_has_no_projection(alpha: list[float]) -> None:
    with pytest.raises(RailError, match="gates"):
        project(torch.tensor(alpha), 0.5)
