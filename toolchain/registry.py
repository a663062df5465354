"""Publishes the services' image, and pins every image of a stack to its digest.

`make image` resolves all images once, so that each environment gets the same bytes. `make pin`
writes them into the stack's file, where nobody needs to commit them: the stack's output `images`
tells later runs what is deployed.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from stacks.images import SERVICES_IMAGE
from toolchain import stacks
from toolchain.base import CLONE, UserError, say, state, write_atomically

PLATFORMS = ("linux/amd64", "linux/arm64")
INPUTS = ("Dockerfile", ".dockerignore", "services")
"""What `docker build` reads: the image's tag is a hash of it."""
DEPLOYED = "--deployed"


def publish(repository: str, arguments: Sequence[str], *, root: Path = CLONE) -> None:
    """Build the services' image for both architectures, push it, and note all images by digest.

    An image of the same inputs that is in the repository already is taken instead. `arguments` go
    to `docker buildx build`. Raises UserError if the image can't be built, pushed or found.
    """
    if not repository:
        raise UserError(
            "REPOSITORY is empty. Write `make image REPOSITORY=YOUR-REGISTRY/vaultmesh/services`."
        )
    _require_builder()
    if changed := _git(root, "status", "--porcelain", "--", *INPUTS):
        files = ", ".join(line[3:] for line in changed.splitlines())
        raise UserError(f"{files}: not committed, but the image gets it. Commit it first.")
    tag = hashlib.sha256(_git(root, "ls-tree", "HEAD", "--", *INPUTS).encode()).hexdigest()[:16]
    image = f"{repository}:{tag}"
    digest = _digest(image)
    if digest:
        say(f"{image} is published already")
    else:
        options = ["--platform", ",".join(PLATFORMS), "--tag", image, "--push", *arguments]
        if subprocess.run([*_buildx(), "build", *options, "."], cwd=root).returncode:
            raise UserError(
                f"{image}: can't be built or pushed. See the messages above; `docker login` signs "
                "in to the registry."
            )
        digest = _required_digest(image)
    project = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
    others: Mapping[str, str] = project["config"]["images"]["default"]
    images = {SERVICES_IMAGE: f"{image}@{digest}"}
    images |= {key: f"{other}@{_required_digest(other)}" for key, other in others.items()}
    write_atomically(images_file(root), json.dumps(images, indent=2) + "\n")
    print("\n".join(images.values()))


def pin(stack: str, arguments: Sequence[str], *, root: Path = CLONE) -> None:
    """Write the images that `publish` has noted into the stack's file.

    With `--deployed`, write those of the stack's output `images` instead; a stack without this
    output stays as it is. Raises UserError if the stack is rehearsed, if no images are noted, or if
    Pulumi can't read or write them.
    """
    run = stacks.plan("preview", stack, [], root=root)
    if run.rehearsed:
        raise UserError(
            f"stack {stack} is rehearsed, and runs no images to pin. Run `pulumi login` first."
        )
    if DEPLOYED in arguments:
        outputs = json.loads(_pulumi(run, "stack", "output", "--json", "--stack", stack))
        images = outputs.get("images") or {}
        if not images:
            say(f"stack {stack} has no output `images`: nothing is pinned")
            return
    else:
        try:
            images = json.loads(images_file(root).read_text(encoding="utf-8"))
        except FileNotFoundError:
            file = images_file(root).relative_to(root)
            raise UserError(
                f"{file}: missing. Run `make image`, or pin what is deployed with ARGS={DEPLOYED}."
            ) from None
    pairs = [
        f"{key}={image}" if key == SERVICES_IMAGE else f"images.{key}={image}"
        for key, image in images.items()
    ]
    options = [word for pair in pairs for word in ("--plaintext", pair)]
    _pulumi(run, "config", "set-all", "--stack", stack, "--path", *options)
    print("\n".join(pairs))


def images_file(root: Path = CLONE) -> Path:
    """The images that `publish` has resolved, in the form of the stacks' output `images`."""
    return state(root) / "images.json"


def _require_builder() -> None:
    """Raise UserError if no builder of docker's can build for both architectures."""
    remedy = "Install Docker with buildx, and run `docker buildx create --use`"
    asked = subprocess.run([*_buildx(), "inspect", "--bootstrap"], capture_output=True, text=True)
    if asked.returncode:
        raise UserError(f"docker has no builder: {asked.stderr.strip()}. {remedy}.")
    lines = [line for line in asked.stdout.splitlines() if line.startswith("Platforms:")]
    if missing := [name for name in PLATFORMS if not any(name in line for line in lines)]:
        raise UserError(
            f"docker's builder can't build for {' and '.join(missing)}. {remedy}; QEMU gives it "
            "other architectures (`docker run --privileged --rm tonistiigi/binfmt --install all`)."
        )


def _buildx() -> tuple[str, str]:
    return _path("docker"), "buildx"


def _path(program: str) -> str:
    """The program on PATH. Raises UserError if there is none."""
    found = shutil.which(program)
    if found is None:
        raise UserError(f"{program} is not on PATH. Install it.")
    return found


def _digest(image: str) -> str | None:
    """The digest of an image, or of its index of architectures; None if there is no such image."""
    command = [*_buildx(), "imagetools", "inspect", image, "--format", "{{json .Manifest}}"]
    asked = subprocess.run(command, capture_output=True, text=True)
    return json.loads(asked.stdout)["digest"] if asked.returncode == 0 else None


def _required_digest(image: str) -> str:
    digest = _digest(image)
    if digest is None:
        raise UserError(
            f"{image}: the registry does not tell its digest. Check the name and `docker login`."
        )
    return digest


def _git(root: Path, *arguments: str) -> str:
    ended = subprocess.run([_path("git"), *arguments], cwd=root, capture_output=True, text=True)
    if ended.returncode:
        raise UserError(f"git {arguments[0]} failed: {ended.stderr.strip()}. Use a git clone.")
    return ended.stdout


def _pulumi(run: stacks.Run, *arguments: str) -> str:
    """Run Pulumi as `run` would; returns what it prints. Raises UserError if it fails."""
    ended = subprocess.run(
        [run.command[0], *arguments, "--non-interactive"],
        cwd=run.root,
        env=run.environment,
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        reason = "".join((ended.stderr.strip() or ended.stdout.strip()).splitlines()[-1:])
        raise UserError(f"pulumi {' '.join(arguments[:2])} failed: {reason}. Correct that.")
    return ended.stdout
