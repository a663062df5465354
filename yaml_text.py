"""Writes YAML."""

from typing import Any

import yaml


# libyaml, which PyYAML's wheels contain, takes a tenth of the time of PyYAML's own code. That code
# never stands in for it: it writes some characters, such as an emoji, with other bytes.
class _Dumper(yaml.CSafeDumper):
    """Writes shared values wherever they occur, where PyYAML would write aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump_yaml(document: Any, **style: Any) -> str:
    """The document with its keys in their order; `style` are options of PyYAML's `dump`."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, **style)
