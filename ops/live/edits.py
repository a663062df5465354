"""Changes values of a YAML text in place: every byte that no edit names stays as it is."""

from collections.abc import Callable, Iterator

import yaml

Path = tuple[str | int, ...]
"""Where a value stands: the keys of mappings and the indexes of sequences that lead to it."""

Edit = Callable[[Path, object], str | None]
"""Given a path and the value there, the YAML text to put in its place; None leaves it alone.

For a value of a mapping the text replaces its key too.
"""


def edited(text: str, edit: Edit) -> str:
    """The text after the edit has seen every value in it, but for those inside edited ones."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    changes = list(_changes(root, (), None, edit)) if root else []
    for start, end, new in reversed(changes):
        kept = text[start:end]
        text = text[:start] + new + kept[len(kept.rstrip()) :] + text[end:]
    return text


def _changes(
    node: yaml.Node, path: Path, key: yaml.Node | None, edit: Edit
) -> Iterator[tuple[int, int, str]]:
    """The parts of the text to be replaced, in the order of the text."""
    new = edit(path, _value(node))
    if new is not None:
        yield (key or node).start_mark.index, node.end_mark.index, new
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _changes(value, (*path, name.value), name, edit)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _changes(value, (*path, index), None, edit)


def _value(node: yaml.Node) -> object:
    """The text of a scalar; the contents of anything else, as data."""
    if isinstance(node, yaml.MappingNode):
        return {name.value: _value(value) for name, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    return node.value
