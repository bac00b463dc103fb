"""One order for equal call graphs, so that the graph loss does not punish an equivalent plan."""

from collections.abc import Collection, Hashable, Mapping, Sequence

Parents = Mapping[int, Collection[int]]


def canonical_order(labels: Sequence[Hashable], parents: Parents) -> tuple[int, ...]:
    """The smallest topological order: among the ready nodes, the least label first.

    labels: what a node is (its skill and literal arguments), the same under any naming of nodes;
    compared by their repr. Ties go by the places of the parents, then by what hangs on the node.
    Raises ValueError on a cycle. Not covered: nodes that only a graph isomorphism search could
    tell apart; they come in the order given.
    """
    colours = _colours(labels, parents)
    order, place, left = list[int](), dict[int, int](), set(range(len(labels)))
    while left:
        ready = [i for i in left if all(p in place for p in parents.get(i, ()))]
        if not ready:
            raise ValueError(f"nodes {sorted(left)} wait for each other")
        least = min(
            ready,
            key=lambda i: (
                repr(labels[i]),
                sorted(place[p] for p in parents.get(i, ())),
                colours[i],
                i,
            ),
        )
        place[least] = len(order)
        order.append(least)
        left.remove(least)
    return tuple(order)


def _colours(labels: Sequence[Hashable], parents: Parents) -> list[int]:
    """Colours by refinement over parents and children, their ranks free of the nodes' naming."""
    count = len(labels)
    children = [[i for i in range(count) if p in parents.get(i, ())] for p in range(count)]
    colours = _ranks([repr(label) for label in labels])
    for _ in range(count):
        refined = _ranks(
            [
                (
                    colours[i],
                    sorted(colours[p] for p in parents.get(i, ())),
                    sorted(colours[c] for c in children[i]),
                )
                for i in range(count)
            ]
        )
        if refined == colours:
            break
        colours = refined
    return colours


def _ranks(keys: Sequence[object]) -> list[int]:
    distinct = {key: rank for rank, key in enumerate(sorted({repr(key) for key in keys}))}
    return [distinct[repr(key)] for key in keys]
