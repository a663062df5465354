"""Credentials of the node: a certificate, and a token and a kubeconfig for each user."""

import base64
import json
import secrets
import subprocess

from stacks.images import NODE_CONTEXT
from toolchain.base import write_atomically
from toolchain.node.layout import ADDRESS, API_PORT, API_SERVICE, NAME, Folder

ADMIN = "admin"
USERS = {
    ADMIN: ("admin", "system:masters"),
    "kubelet": (f"system:node:{NAME}", "system:nodes"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "kube-router": ("kube-router", "system:masters"),
}
"""Each user's name and group in the API server, by the process that it is for."""


def write_credentials(folder: Folder, port: int) -> None:
    """Write the certificate, the tokens and the kubeconfigs.

    `port` is the API server's port on this machine's loopback address, for the admin's kubeconfig.
    """
    _write_certificate(folder)
    tokens = {process: secrets.token_urlsafe(32) for process in USERS}
    lines = [
        f'{tokens[process]},{user},{user},"{group}"' for process, (user, group) in USERS.items()
    ]
    write_atomically(folder.tokens, "\n".join(lines) + "\n", mode=0o600)
    for process, token in tokens.items():
        is_admin = process == ADMIN
        server = f"127.0.0.1:{port}" if is_admin else f"{ADDRESS}:{API_PORT}"
        path = folder.admin if is_admin else folder.kubeconfig(process)
        write_atomically(path, _kubeconfig(folder, f"https://{server}", token), mode=0o600)


def _write_certificate(folder: Folder) -> None:
    names = (
        *("DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc"),
        *(f"IP:{address}" for address in (ADDRESS, API_SERVICE, "127.0.0.1")),
    )
    # The kubelet reads the user from a client certificate: CN is its name, O its group.
    subject = "/O=system:masters/CN=kube-apiserver"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-keyout", folder.key, "-out", folder.certificate, "-subj", subject),
            *("-addext", f"subjectAltName={','.join(names)}"),
        ],
        check=True,
        capture_output=True,
    )


def _kubeconfig(folder: Folder, server: str, token: str) -> str:
    """A kubeconfig, as JSON, with the certificate inside."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": NODE_CONTEXT,
                    "cluster": {
                        "server": server,
                        "certificate-authority-data": base64.b64encode(
                            folder.certificate.read_bytes()
                        ).decode(),
                    },
                }
            ],
            "users": [{"name": NODE_CONTEXT, "user": {"token": token}}],
            "contexts": [
                {"name": NODE_CONTEXT, "context": {"cluster": NODE_CONTEXT, "user": NODE_CONTEXT}}
            ],
            "current-context": NODE_CONTEXT,
        }
    )
