"""Golden vectors of the Certificate Transparency reference tests, for tree, proofs and refusals."""

import pytest

from bb_infra.merkle import (
    EMPTY,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
INPUTS += ["606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (leaf index, tree size) -> audit path
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
# (smaller size, bigger size) -> consistency proof
STEPS = {
    (1, 1): [],
    (1, 8): PATHS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]


def raw(hashes: list[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(text) for text in hashes)


@pytest.mark.parametrize("size", range(9))
def test_roots(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


def test_empty_tree() -> None:
    assert Frontier().root == EMPTY


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_inclusion(index: int, size: int) -> None:
    path, root = raw(PATHS[index, size]), bytes.fromhex(ROOTS[size])
    assert inclusion_proof(LEAVES[:size], index) == path
    assert verify_inclusion(LEAVES[index], index, size, path, root)


@pytest.mark.parametrize(("first", "second"), STEPS)
def test_consistency(first: int, second: int) -> None:
    proof = raw(STEPS[first, second])
    roots = bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second])
    assert consistency_proof(LEAVES[:second], first) == proof
    assert verify_consistency(first, second, *roots, proof)


def test_a_wrong_proof_is_refused() -> None:
    path, root = inclusion_proof(LEAVES, 5), root_of(LEAVES)
    assert not verify_inclusion(leaf_hash(b"forged"), 5, 8, path, root)
    assert not verify_inclusion(LEAVES[5], 4, 8, path, root)
    assert not verify_inclusion(LEAVES[5], 5, 8, path[:-1], root)
    assert not verify_inclusion(LEAVES[5], 5, 8, (*path, root), root)
    assert not verify_inclusion(LEAVES[5], 8, 8, path, root)
    proof, old = consistency_proof(LEAVES, 6), root_of(LEAVES[:6])
    assert not verify_consistency(6, 8, root, root, proof)
    assert not verify_consistency(6, 8, old, root, proof[:-1])
    assert not verify_consistency(6, 8, old, root, ())
    assert not verify_consistency(8, 6, root, old, proof)


def test_no_proof_for_what_is_not_there() -> None:
    with pytest.raises(IndexError, match="no leaf 8 in a tree of 8"):
        inclusion_proof(LEAVES, 8)
    with pytest.raises(IndexError, match="no earlier tree of 9"):
        consistency_proof(LEAVES, 9)
