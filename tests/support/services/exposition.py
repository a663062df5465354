"""Parses /metrics independently of the client library that writes it."""

import re
from dataclasses import dataclass

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Exposed:
    """Type and HELP text of each family by its name; each value by metric name and labels."""

    types: dict[str, str]
    texts: dict[str, str]
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples.get((name, frozenset(labels.items())))

    def labels(self, name: str) -> set[frozenset[str]]:
        """The distinct sets of label names of this metric's series."""
        return {
            frozenset(label for label, _ in labels)
            for known, labels in self.samples
            if known == name
        }


def parse(text: str) -> Exposed:
    types: dict[str, str] = {}
    texts: dict[str, str] = {}
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            texts[name] = words
        elif not line.startswith("#"):
            found = _SAMPLE.match(line)
            assert found, f"not a sample: {line!r}"
            key = (found[1], frozenset(_LABEL.findall(found[2] or "")))
            assert key not in samples, f"repeated: {line!r}"
            samples[key] = float(found[3])
    return Exposed(types, texts, samples)
