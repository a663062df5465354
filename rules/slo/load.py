"""Reads the objectives of all files."""

from collections.abc import Iterable, Iterator

from problems import Problems
from rules.reader import Document, Place
from rules.schema import validate
from rules.slo.objective import Slo
from rules.slo.spec import SloSpec, SpecFile


def load_slos(documents: Iterable[Document], problems: Problems) -> list[Slo]:
    """The objectives of the files that have the right shape; notes what hasn't, and each repeat."""
    found: dict[str, Slo] = {}
    for slo in (slo for document in documents for slo in _in_file(document, problems)):
        first = found.setdefault(slo.id, slo)
        if first is not slo:
            where = f"{first.document.file}:{first.document.line(first.place)}"
            slo.note(problems, f"the objective {slo.id} is already at {where}. Rename one.", "name")
    return list(found.values())


def _in_file(document: Document, problems: Problems) -> Iterator[Slo]:
    file = validate(SpecFile, document, (), document.data, problems)
    for number, data in enumerate(file.slos if file else []):
        place: Place = ("slos", number)
        spec = validate(SloSpec, document, place, data, problems)
        if file and spec:
            yield Slo(file.service, {**file.labels, **spec.labels}, spec, document, place)
