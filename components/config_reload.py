"""The container that makes a server reload its configuration when the mounted files change."""

from pulumi_kubernetes.core import v1 as core

from components.pods import Resources, container

NAME = "config-reload"
PORT = 8080
PORT_NAME = "reload-http"
RESOURCES = Resources(cpu="10m", memory="32Mi", memory_limit="64Mi", ephemeral_storage="64Mi")


def config_reload(
    image: str, *, port: int, folder: str, mounts: list[core.VolumeMountArgs]
) -> core.ContainerArgs:
    """Watches `folder` and posts to /-/reload on `port` of the same pod.

    Its image is prometheus-config-reloader, which also understands that Kubernetes changes a
    mounted ConfigMap by moving a symbolic link.
    """
    return container(
        NAME,
        image,
        RESOURCES,
        args=[
            f"--reload-url=http://127.0.0.1:{port}/-/reload",
            f"--watched-dir={folder}",
            f"--listen-address=:{PORT}",
        ],
        ports=[core.ContainerPortArgs(name=PORT_NAME, container_port=PORT)],
        volume_mounts=mounts,
        liveness_probe=core.ProbeArgs(
            http_get=core.HTTPGetActionArgs(path="/healthz", port=PORT_NAME),
            period_seconds=30,
            timeout_seconds=5,
        ),
    )
