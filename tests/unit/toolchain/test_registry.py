"""Images are published once for both architectures, and every stack runs them by digest."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import program
from toolchain import registry, stacks
from toolchain.base import UserError

REPOSITORY = "registry.example.com/vaultmesh/services"
OTHERS = {"prometheus": "quay.io/prometheus/prometheus:v3", "grafana": "docker.io/grafana:v12"}
PROJECT = f"config: {{images: {{default: {json.dumps(OTHERS)}}}}}"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone, and a docker whose registry is the file `images`, with a digest for each name.

    The digest of an image is a hash of its name. `builds` has a line for each build.
    """
    root = tmp_path / "clone"
    (root / "services").mkdir(parents=True)
    (root / "Dockerfile").touch()
    (root / "services" / "app.py").touch()
    (root / "Pulumi.yaml").write_text(PROJECT)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *command], cwd=root, check=True)
    (tmp_path / "images").write_text("".join(f"{name}\n" for name in OTHERS.values()))
    (tmp_path / "platforms").write_text("linux/amd64*, linux/arm64, linux/386")
    program(
        tmp_path / "bin",
        "docker",
        f"cd {tmp_path}",
        'case "$2" in',
        'inspect) echo "Name: builder"; echo "Platforms: $(cat platforms)" ;;',
        'build) echo "$*" >> builds; echo "$6" >> images ;;',
        'imagetools) grep -qFx "$4" images || exit 1',
        'hash=$(printf %s "$4" | sha256sum | cut -c1-64)',
        """echo '{"digest": "sha256:'$hash'"}' ;;""",
        "esac",
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return root


def builds(clone: Path) -> list[str]:
    noted = clone.parent / "builds"
    return noted.read_text().splitlines() if noted.exists() else []


def published(clone: Path) -> dict[str, str]:
    return json.loads(registry.images_file(clone).read_text())


def test_the_image_is_built_for_both_architectures_and_noted_by_digest(clone: Path):
    registry.publish(REPOSITORY, [], root=clone)
    images = published(clone)
    assert images.keys() == {"servicesImage", *OTHERS}
    assert images["servicesImage"].startswith(f"{REPOSITORY}:")
    assert all(image.partition("@sha256:")[2].isalnum() for image in images.values())
    assert images["prometheus"].startswith(f"{OTHERS['prometheus']}@")
    tag = images["servicesImage"].partition("@")[0]
    options = f"--platform linux/amd64,linux/arm64 --tag {tag} --push"
    assert builds(clone) == [f"buildx build {options} ."]


def test_the_same_content_is_built_once(clone: Path):
    registry.publish(REPOSITORY, [], root=clone)
    before = published(clone)
    commit(clone, "rules.yaml")
    registry.publish(REPOSITORY, [], root=clone)
    assert published(clone) == before and len(builds(clone)) == 1
    commit(clone, "services/new.py")
    registry.publish(REPOSITORY, [], root=clone)
    assert published(clone)["servicesImage"] != before["servicesImage"] and len(builds(clone)) == 2


def commit(clone: Path, file: str) -> None:
    (clone / file).write_text(file)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["add", "."], ["commit", "-qm", "more"]):
        subprocess.run(["git", *identity, *command], cwd=clone, check=True)


def refusal(clone: Path, repository: str = REPOSITORY) -> str:
    """Why an image is not published: one line, and nothing is noted."""
    with pytest.raises(UserError) as raised:
        registry.publish(repository, [], root=clone)
    assert not registry.images_file(clone).exists()
    text = str(raised.value)
    assert "\n" not in text
    return text


def test_a_build_needs_a_repository(clone: Path):
    assert "make image REPOSITORY=YOUR-REGISTRY/" in refusal(clone, "")


def test_a_build_needs_docker(clone: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert refusal(clone) == "docker is not on PATH. Install it."


def test_a_build_needs_a_builder_for_both_architectures(clone: Path):
    (clone.parent / "platforms").write_text("linux/amd64, linux/arm/v7")
    assert refusal(clone).startswith("docker's builder can't build for linux/arm64. Install")


def test_a_build_needs_committed_files(clone: Path):
    (clone / "services" / "app.py").write_text("changed")
    assert refusal(clone).startswith("services/app.py: not committed")


def test_an_image_of_others_must_exist(clone: Path):
    (clone.parent / "images").write_text(f"{OTHERS['prometheus']}\n")
    assert refusal(clone).startswith(f"{OTHERS['grafana']}: the registry does not tell its digest")


class TestPin:
    """`make pin` with a Pulumi that notes how it is called; its outputs are in a file."""

    @pytest.fixture(autouse=True)
    def pulumi(self, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run = program(
            clone.parent / "bin",
            "pulumi",
            f'[ "$1" = stack ] && exec cat {clone}/outputs',
            f'echo "$*" >> {clone}/calls',
        )

        def plan(verb: str, stack: str, arguments: list[str], *, root: Path) -> stacks.Run:
            environment = {"PATH": "/usr/bin:/bin"}
            rehearsed = stack == "local"
            return stacks.Run(
                command=[str(run)], environment=environment, root=root, rehearsed=rehearsed
            )

        monkeypatch.setattr(stacks, "plan", plan)

    def calls(self, clone: Path) -> str:
        noted = clone / "calls"
        return noted.read_text().strip() if noted.exists() else ""

    def test_the_noted_images_become_the_configuration(self, clone: Path):
        registry.publish(REPOSITORY, [], root=clone)
        registry.pin("staging", [], root=clone)
        images = published(clone)
        pairs = [f"--plaintext servicesImage={images.pop('servicesImage')}"]
        pairs += [f"--plaintext images.{key}={image}" for key, image in images.items()]
        options = " ".join(pairs)
        assert self.calls(clone) == (
            f"config set-all --stack staging --path {options} --non-interactive"
        )

    def test_deployed_images_come_from_the_stack_and_not_from_the_file(self, clone: Path):
        registry.publish(REPOSITORY, [], root=clone)
        (clone / "outputs").write_text('{"images": {"grafana": "docker.io/grafana@sha256:1"}}')
        registry.pin("staging", ["--deployed"], root=clone)
        assert "--plaintext images.grafana=docker.io/grafana@sha256:1 " in self.calls(clone)
        assert REPOSITORY not in self.calls(clone)

    @pytest.mark.parametrize("outputs", ["{}", '{"images": {}}'])
    def test_a_stack_that_has_deployed_no_images_stays_as_it_is(self, clone: Path, outputs: str):
        (clone / "outputs").write_text(outputs)
        registry.pin("staging", ["--deployed"], root=clone)
        assert self.calls(clone) == ""

    def test_without_noted_images_there_is_nothing_to_pin(self, clone: Path):
        with pytest.raises(UserError, match=r"^\.state/images.json: missing. Run `make image`"):
            registry.pin("staging", [], root=clone)

    def test_a_rehearsed_stack_runs_no_images(self, clone: Path):
        with pytest.raises(UserError, match="stack local is rehearsed"):
            registry.pin("local", ["--deployed"], root=clone)
