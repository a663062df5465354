"""The pod of Grafana: its settings and dashboards read-only, its database on scratch space."""

import hashlib
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.core import v1 as core

from components.grafana_config import (
    CONFIG_FOLDER,
    DASHBOARD_FOLDER,
    PORT,
    PROVISIONING,
    SECRET_FOLDER,
)
from components.pods import HTTP, Resources, container, http_probe, template

NAME = "grafana"
DATA_FOLDER = "/var/lib/grafana"
"""Where the image keeps its database and plugins, unless told otherwise."""
SCRATCH = "256Mi"


def config_key(path: str) -> str:
    """ConfigMap keys hold no slash; the volume puts the file back at its path."""
    return path.replace("/", "_")


def dashboard_name(file_name: str) -> str:
    """Name of the ConfigMap that holds one dashboard."""
    return f"dashboard-{file_name.removesuffix('.json')}"


def pod(
    image: str,
    resources: Resources,
    config_map: pulumi.Input[str],
    files: Mapping[str, str],
    dashboards: Sequence[str],
) -> core.PodTemplateSpecArgs:
    """The pod: `files` maps paths below CONFIG_FOLDER to texts, `dashboards` names JSON files.

    `config_map` holds the files. It comes from the ConfigMap itself, so that a pod which is rolled
    for a changed file finds the change made.
    """
    config = core.VolumeArgs(
        name="config",
        config_map=core.ConfigMapVolumeSourceArgs(
            name=config_map,
            items=[core.KeyToPathArgs(key=config_key(path), path=path) for path in files],
        ),
    )
    boards = core.VolumeArgs(
        name="dashboards",
        projected=core.ProjectedVolumeSourceArgs(
            sources=[
                core.VolumeProjectionArgs(
                    config_map=core.ConfigMapProjectionArgs(name=dashboard_name(file_name))
                )
                for file_name in dashboards
            ]
        ),
    )
    credentials = core.VolumeArgs(
        name="credentials", secret=core.SecretVolumeSourceArgs(secret_name=NAME)
    )
    scratch = core.VolumeArgs(
        name="scratch",
        empty_dir=core.EmptyDirVolumeSourceArgs(size_limit=SCRATCH),
    )
    server = container(
        NAME,
        image,
        resources,
        env=[
            core.EnvVarArgs(name="GF_PATHS_CONFIG", value=f"{CONFIG_FOLDER}/grafana.ini"),
            # The image sets this variable too, and variables come before grafana.ini.
            core.EnvVarArgs(name="GF_PATHS_PROVISIONING", value=f"{CONFIG_FOLDER}/{PROVISIONING}"),
        ],
        ports=[core.ContainerPortArgs(name=HTTP, container_port=PORT)],
        volume_mounts=[
            core.VolumeMountArgs(name="config", mount_path=CONFIG_FOLDER, read_only=True),
            core.VolumeMountArgs(name="dashboards", mount_path=DASHBOARD_FOLDER, read_only=True),
            core.VolumeMountArgs(name="credentials", mount_path=SECRET_FOLDER, read_only=True),
            core.VolumeMountArgs(name="scratch", mount_path=DATA_FOLDER, sub_path="data"),
            core.VolumeMountArgs(name="scratch", mount_path="/tmp", sub_path="tmp"),
        ],
        startup_probe=http_probe("/api/health", period_seconds=5, failures=60),
        liveness_probe=http_probe("/api/health"),
        readiness_probe=http_probe("/api/health", period_seconds=5),
    )
    return template(
        NAME,
        [server],
        volumes=[config, boards, credentials, scratch],
        spread=False,
        annotations={"vaultmesh.io/config-hash": _digest(files)},
    )


def _digest(files: Mapping[str, str]) -> str:
    """Changes with any file: Grafana reads its settings and data sources at its start alone."""
    text = "\0".join(f"{path}\0{files[path]}" for path in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
