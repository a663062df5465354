"""The documentation says what is so: its commands, its picture, its paths and its links."""

import json
import re
from typing import Any

import pytest

from tests.support.recording import ROOT, Recording

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(path.relative_to(ROOT) for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
NAME = "app.kubernetes.io/name"


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(text: str) -> list[str]:
    """The command lines of a page: those of its shell blocks and those quoted in its prose."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [*"\n".join(blocks).splitlines(), *re.findall(r"`([^`\n]+)`", text)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_command_of_a_page_is_a_target(page: Any) -> None:
    for command in commands((ROOT / page).read_text(encoding="utf-8")):
        if match := re.match(r"make ([a-z]+)", command):
            assert match[1] in make_targets(), f"{page}: `{command}` is no target of the Makefile"


def test_the_readme_shows_every_command_that_help_shows() -> None:
    named = set(re.findall(r"`(?:make )?([a-z]+)`", README))
    named |= {match[1] for line in commands(README) if (match := re.match(r"make (\w+)", line))}
    assert make_targets() - {"help"} <= named


def test_ci_runs_the_readmes_own_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    assert "make test" in README
    assert re.search(r"^make test$", ci, re.MULTILINE)
    assert re.search(r"^make lint$", ci, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Any) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith("https://"):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page}: dead link {target}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_path_named_in_a_page_exists(page: Any) -> None:
    made = ("rendered/", ".state/", ".venv")
    text = (ROOT / page).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:[\w.]+/)+[\w.-]*)`", text):
        if not path.startswith(made) and path.split("/")[0] in {p.name for p in ROOT.iterdir()}:
            assert (ROOT / path).exists(), f"{page} names {path}, which does not exist"


def test_every_folder_of_the_project_stands_in_the_map() -> None:
    from subprocess import run

    listed = run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.split("/")[0] for path in listed if "/" in path and not path.startswith(".")}
    for folder in sorted(folders):
        assert f"| `{folder}/` |" in README, f"README.md, 'The folders', lacks {folder}/"


def drawn() -> set[tuple[str, str]]:
    """The arrows of the README's picture."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)
    node = r"([\w-]+)(?:\[[^\]]*\]|\(\[[^\]]*\]\))?"
    found = set(re.findall(rf"^\s*{node} -->(?:\|[^|]*\|)? {node}\s*$", picture, re.MULTILINE))
    assert len(found) == picture.count("-->"), "an arrow of the picture can't be read"
    return found


def declared(recordings: dict[str, Recording]) -> set[tuple[str, str]]:
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
    assert drawn() - people == declared(recordings)


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
    command = "run `make dashboards ARGS=--pictures=docs/images`"
    for name, title in boards.items():
        picture = folder / "images" / f"{name}.png"
        assert picture.exists(), f"there is no picture of {title}: {command}"
        assert picture.stat().st_size < 150 * 1024, f"{picture.name} is large: {command}"
        assert f"## {title}\n" in page and f"![{title}](images/{picture.name})" in page, (
            f"docs/dashboards.md does not show {title}: add a section with its picture"
        )
    shown = {path.stem for path in folder.glob("images/*.png")}
    assert shown == boards.keys(), f"remove the pictures of {shown - boards.keys()}"


def test_every_decision_stands_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in folder.glob("[0-9]*.md"):
        title = re.match(r"# (\d+)\. (.+)", page.read_text(encoding="utf-8"))
        assert title, f"{page.name} lacks a numbered title"
        assert f"[{title[1]}]({page.name}) | {title[2]}" in index


def test_the_readme_shows_how_much_a_preview_of_local_creates(
    recordings: dict[str, Recording],
) -> None:
    stack_itself = 1
    total = len(recordings["local"].resources) + stack_itself
    assert f"+ {total} to create" in README
    assert f"`{total} unchanged`" in README
