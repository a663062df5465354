"""The documentation is true: its commands, links, paths, picture and numbers."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.picture import drawn_edges
from tests.support.recording import ALL_STACKS, ROOT, Recording

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if path.is_file()
)
NAME = "app.kubernetes.io/name"
GENERATED = ("rendered/", ".state/", ".venv", "reports/")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_references(page: Path) -> Iterator[str]:
    """Report every make target, link, anchor and path of the page that does not exist."""
    in_shell = False
    entries = {path.name for path in ROOT.iterdir()}
    for number, line in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith("```"):
            in_shell = line.strip() in ("```sh", "```bash")
        quoted = re.findall(r"`([^`]+)`", line)
        for command in [*quoted, *([line] if in_shell else [])]:
            match = re.match(r"make ([a-z-]+)", command.strip())
            if match and match[1] not in make_targets():
                yield f"{page}:{number}: `make {match[1]}` is not a target of the Makefile."
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", line):
            linked = (ROOT / page).parent.joinpath(target) if target else ROOT / page
            if target.startswith("https://"):
                continue
            if not linked.exists():
                yield f"{page}:{number}: the link to {target} is dead."
            elif anchor and anchor not in headings(linked):
                yield f"{page}:{number}: {target} has no heading for #{anchor}."
        for path in quoted:
            if (
                re.fullmatch(r"(?:[\w.]+/)+[\w.-]*", path)
                and not path.startswith(GENERATED)
                and path.split("/")[0] in entries
                and not (ROOT / path).exists()
            ):
                yield f"{page}:{number}: {path} does not exist."


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_link_and_path_of_a_page_exists(page: Path) -> None:
    assert list(dead_references(page)) == []


def test_the_readme_shows_every_command_that_help_shows() -> None:
    named = set(re.findall(r"`(?:make )?([a-z-]+)`", README))
    named |= set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
    assert make_targets() - {"help"} <= named


def test_the_readme_lists_every_folder_of_the_project() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.split("/")[0] for path in listed if "/" in path and not path.startswith(".")}
    for folder in sorted(folders):
        assert f"| `{folder}/` |" in README, f"README.md, 'The folders', does not list {folder}/."


@pytest.mark.parametrize("stack", ALL_STACKS)
def test_the_readme_has_a_row_for_every_stack(stack: str) -> None:
    assert f"\n| `{stack}` |" in README, f"README.md, 'The stacks', does not list {stack}."


def declared_edges(recordings: dict[str, Recording]) -> set[tuple[str, str]]:
    """The edges that the NetworkPolicies of any stack open, as (source, target)."""
    edges = set()
    for platform in recordings.values():
        for policy in platform.all("NetworkPolicy"):
            name = policy["metadata"]["name"]
            labels = policy["spec"]["podSelector"].get("matchLabels")
            if labels and policy["spec"].get("ingress"):
                (origin,) = policy["spec"]["ingress"][0]["from"]
                edges.add((origin["podSelector"]["matchLabels"][NAME], labels[NAME]))
            elif labels:
                edges.add((labels[NAME], name.removeprefix(f"{labels[NAME]}-to-")))
    return edges


def test_the_picture_shows_exactly_the_edges_that_the_stacks_open(
    recordings: dict[str, Recording],
) -> None:
    people = {("people", "grafana")}
    drawn, declared = drawn_edges() - people, declared_edges(recordings)
    assert not declared - drawn, f"draw these arrows in README.md's picture: {declared - drawn}"
    assert not drawn - declared, f"remove these arrows from README.md's picture: {drawn - declared}"


@pytest.mark.parametrize(("page", "stack"), [("try-it.md", "node"), ("operations.md", "staging")])
def test_the_port_forwards_that_a_page_shows_are_those_that_up_prints(
    page: str, stack: str, recordings: dict[str, Recording]
) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    shown = dict(re.findall(r"^ +([\w-]+) *: \"(kubectl .+)\"$", text, re.MULTILINE))
    printed = recordings[stack].result["portForward"]
    assert shown and shown.items() <= printed.items(), f"write {printed} in docs/{page}"


def test_every_dashboard_is_shown_with_a_small_picture(recordings: dict[str, Recording]) -> None:
    folder = ROOT / "docs"
    page = (folder / "dashboards.md").read_text(encoding="utf-8")
    config_maps = [m["data"] for m in recordings["local"].all("ConfigMap")]
    boards = {
        key.removesuffix(".json"): json.loads(text)["title"]
        for data in config_maps
        for key, text in data.items()
        if key.endswith(".json")
    }
    command = "Run `make dashboards ARGS=--pictures=docs/images`."
    for name, title in boards.items():
        picture = folder / "images" / f"{name}.png"
        assert picture.exists(), f"docs/images/ has no picture of {title}. {command}"
        assert picture.stat().st_size < 150 * 1024, f"{picture.name} has 150 KiB or more. {command}"
        assert f"## {title}\n" in page and f"![{title}](images/{picture.name})" in page, (
            f"docs/dashboards.md does not show {title}. Add a section with its picture."
        )
    shown = {path.stem for path in folder.glob("images/*.png")}
    assert shown == boards.keys(), f"Remove the pictures of {shown - boards.keys()}."


def test_the_index_lists_every_decision() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in folder.glob("[0-9]*.md"):
        title = re.match(r"# (\d+)\. (.+)", page.read_text(encoding="utf-8"))
        assert title, f"docs/decisions/{page.name} has no numbered title. Write `# 1. Title`."
        assert f"[{title[1]}]({page.name}) | {title[2]}" in index


def test_the_readme_shows_how_much_a_preview_of_local_creates(
    recordings: dict[str, Recording],
) -> None:
    stack_itself = 1
    total = len(recordings["local"].resources) + stack_itself
    assert f"+ {total} to create" in README
    assert f"`{total} unchanged`" in README
