"""Which images a stack may run: its nodes must be able to pull them, and get what was tested.

Standard library only, apart from `problems`, because tools use it without importing Pulumi.
"""

from collections.abc import Mapping

from problems import Problems

SERVICES_IMAGE = "servicesImage"
"""Configuration key of the image of all workloads and cron jobs without their own."""
IMAGES = "images"
"""Configuration key of the servers' images."""
NODE_CONTEXT = "vaultmesh-node"
"""The kubeconfig context of this machine's own node: its images are imported, never pulled."""
MADE_UP_IMAGE = f"made-up.invalid/vaultmesh/services@sha256:{'0' * 64}"
"""The services' image in the rehearsal of a stack that has none yet."""


def check_images(
    own: Mapping[str, str], others: Mapping[str, str], production: bool, problems: Problems
) -> None:
    """Report each image that a real cluster could not pull, or that may change under its name.

    Both mappings map a configuration key to an image. `own` are those that the pipeline builds;
    production takes them by digest.
    """
    for key, image in {**own, **others}.items():
        if not has_registry(image):
            text = f"`{image}` names no registry: nodes would pull a stranger's from Docker Hub"
            problems.add(key, 0, f"{text}. {_remedy(key, image)}")
        elif production and key in own and "@" not in image:
            text = f"`{image}` has no digest, and its tag may move to another image"
            problems.add(key, 0, f"{text}. {_remedy(key, image)}")


def has_registry(image: str) -> bool:
    """Whether the image's name begins with a host, by the rule of Docker's own clients."""
    first, slash, _ = image.partition("/")
    return bool(slash) and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )


def _remedy(key: str, image: str) -> str:
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    wanted = f"YOUR-REGISTRY/{name}@sha256:YOUR-DIGEST"
    if key.endswith(f":{SERVICES_IMAGE}"):
        return f"Push it to a registry and run `pulumi config set {SERVICES_IMAGE} {wanted}`."
    return f"Write {wanted}."
