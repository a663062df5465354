"""The workflows run commands of the Makefile, with few permissions and one at a time."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.support.recording import ALL_STACKS
from tests.support.workflows import FOLDER, Job, commands_of, jobs, stacks_of, workflow
from toolchain import changes, commands, registry, stacks
from toolchain.base import CLONE

MAKEFILE = (CLONE / "Makefile").read_text(encoding="utf-8")
ON_GITHUB = ("gh ", "cat ")
"""What a step may run besides make: it passes a file on to GitHub."""
ARGUMENTS = {
    "plan": (changes.ALLOW_LOSS,),
    "pin": (registry.DEPLOYED,),
    "up": ("--yes", stacks.PLAN),
}
"""The arguments that steps may give a command in ARGS."""
NAMES = sorted(path.stem for path in (FOLDER / "workflows").iterdir())
JOBS = {f"{name}/{key}": job for name in NAMES for key, job in jobs(name).items()}
every_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)


def expressions_of(text: str) -> list[str]:
    """The texts in quotes of the expressions of GitHub's."""
    return [
        word
        for expression in re.findall(r"\$\{\{(.*?)\}\}", text)
        for word in re.findall(r"'(--[^']*)'", expression)
    ]


def steps_with(job: Job, action: str) -> Iterator[Mapping[str, Any]]:
    """The inputs of each step that uses the action."""
    for step in job["steps"]:
        if step.get("uses", "").startswith(action):
            yield step.get("with", {})


@every_job
def test_a_step_runs_a_command_of_the_makefile(job: Job) -> None:
    for run in commands_of(job):
        if run.startswith(ON_GITHUB):
            continue
        found = re.fullmatch(r"make ([a-z-]+)((?: [A-Z]+=(?:\"[^\"]*\"|\S+))*)", run)
        assert found, f"`{run}` is not one command of make"
        verb, variables = found[1], dict(re.findall(r"([A-Z]+)=(\"[^\"]*\"|\S+)", found[2]))
        assert verb in commands.VERBS
        recipe = re.search(rf"^{verb}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
        assert recipe and all(f"$({name})" in recipe[1] for name in variables), run
        for word in variables.get("ARGS", "").strip('"').split():
            assert word == "?" or word.startswith(ARGUMENTS[verb]), run
    for run in (step.get("run", "") for step in job["steps"]):
        for word in expressions_of(run):
            verb = run.split()[1]
            assert word in ARGUMENTS[verb], run


@every_job
def test_a_job_works_on_stacks_that_exist(job: Job) -> None:
    assert stacks_of(job) <= {*ALL_STACKS}


@every_job
def test_a_job_has_only_the_permissions_that_it_uses(job: Job) -> None:
    given = job.get("permissions", {"contents": "read"})
    wanted: dict[str, str] = {}
    if [*steps_with(job, "actions/checkout@")]:
        wanted["contents"] = "read"
    if any(step.get("role") for step in steps_with(job, "./.github/actions/set-up")):
        wanted["id-token"] = "write"
    for command, permission in (("gh pr ", "pull-requests"), ("gh issue ", "issues")):
        if any(run.startswith(command) for run in commands_of(job)):
            wanted[permission] = "write"
    assert given == wanted


@every_job
def test_a_job_that_writes_to_github_runs_nothing_of_the_repository(job: Job) -> None:
    if {"issues", "pull-requests"} & job.get("permissions", {}).keys():
        assert all(run.startswith(ON_GITHUB) for run in commands_of(job))
        assert not [*steps_with(job, "./")]


@every_job
def test_a_checkout_leaves_no_credentials_for_later_steps(job: Job) -> None:
    for step in steps_with(job, "actions/checkout@"):
        assert step.get("persist-credentials") is False


@every_job
def test_a_job_ends_in_time(job: Job) -> None:
    assert 0 < job["timeout-minutes"] <= 90


@every_job
def test_one_run_at_a_time_changes_a_stack_and_nobody_cancels_it(job: Job) -> None:
    if any(run.startswith(("make up ", "make drift ")) for run in commands_of(job)):
        [group] = {job["concurrency"]["group"]}
        matrix = "matrix" in job.get("strategy", {})
        expected = "${{ matrix.stack }}" if matrix else "".join(stacks_of(job))
        kind = (
            "drift" if any(run.startswith("make drift ") for run in commands_of(job)) else "stack"
        )
        assert group == f"{kind}-{expected}"
        assert job["concurrency"]["cancel-in-progress"] is False


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_gives_its_jobs_no_permission_but_to_read(name: str) -> None:
    assert workflow(name)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("name", NAMES)
def test_only_jobs_that_change_nothing_are_cancelled(name: str) -> None:
    if workflow(name).get("concurrency", {}).get("cancel-in-progress"):
        runs = [run for job in jobs(name).values() for run in commands_of(job)]
        assert not [run for run in runs if run.startswith(("make up", "make image"))]


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit_and_names_its_release(path: Any) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if "uses: " in line and "uses: ./" not in line:
            pin = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
            assert re.fullmatch(rf" *- uses: {pin}", line), line


def test_one_commit_stands_for_a_release() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.yaml")]
    found = {pin for text in texts for pin in re.findall(r"uses: ([\w/-]+)@(\w{40})", text)}
    assert len(found) == len({action for action, _ in found})


def test_the_pipeline_runs_the_pulumi_that_the_program_is_tested_with() -> None:
    action = yaml.safe_load((FOLDER / "actions/set-up/action.yaml").read_text(encoding="utf-8"))
    [version] = [step["with"]["pulumi-version"] for step in action["runs"]["steps"][1:2]]
    locked = (CLONE / "requirements.txt").read_text(encoding="utf-8")
    assert f"\npulumi=={version} " in locked


def test_a_pull_request_shows_every_stack_that_no_node_of_this_machine_runs() -> None:
    assert stacks_of(JOBS["preview/plan"]) == {*ALL_STACKS} - {"node"}


def test_drift_is_looked_for_in_every_stack_that_is_deployed() -> None:
    deployed = {
        stack for job in JOBS for stack in stacks_of(JOBS[job]) if job.startswith("deploy/")
    }
    assert stacks_of(JOBS["drift/drift"]) == deployed == {"staging", "production"}


def test_production_gets_the_plan_that_was_approved() -> None:
    planned, applied = JOBS["deploy/plan-production"], JOBS["deploy/production"]
    assert applied["environment"] == "production" and applied["needs"] == "plan-production"
    assert "environment" not in planned
    [kept] = steps_with(planned, "actions/upload-artifact@")
    [taken] = [
        step
        for step in steps_with(applied, "actions/download-artifact@")
        if step["name"] == kept["name"]
    ]
    file = kept["path"]
    assert file == f"{taken['path']}/production.json"
    assert CLONE / file == changes.plan_file("production")
    assert f'make up STACK=production ARGS="--yes --plan={file}"' in commands_of(applied)


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_that_is_taken_was_kept_before(name: str) -> None:
    kept: set[str] = set()
    for job in jobs(name).values():
        for step in steps_with(job, "actions/download-artifact@"):
            assert (step.get("name") or step["pattern"]).removesuffix("*") in kept
        for step in steps_with(job, "actions/upload-artifact@"):
            kept.add(step["name"].partition("${{")[0])
            # The action leaves hidden files out, and .state is hidden.
            assert not step["path"].startswith(".") or step["include-hidden-files"]
            assert step["retention-days"] <= 7


def test_images_pass_from_make_image_to_make_pin() -> None:
    [kept] = steps_with(JOBS["deploy/image"], "actions/upload-artifact@")
    assert CLONE / kept["path"] == registry.images_file()
    for job in ("staging", "plan-production", "production"):
        taken = [*steps_with(JOBS[f"deploy/{job}"], "actions/download-artifact@")]
        assert {"name": kept["name"], "path": ".state"} in taken


CI_COMMANDS = ["make lint", "make test", "make test-cluster"]


def test_continuous_integration_calls_three_commands_of_the_readme_and_nothing_else() -> None:
    assert commands_of(JOBS["ci/test"]) == CI_COMMANDS
    script = (CLONE / ".ci" / "run").read_text()
    assert [line for line in script.splitlines() if line.startswith("make ")] == CI_COMMANDS
    readme = (CLONE / "README.md").read_text(encoding="utf-8")
    for target in ("lint", "test", "test-cluster"):
        assert re.search(rf"`(make )?{target}`|^make {target}$", readme, re.MULTILINE)
