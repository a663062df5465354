"""What Grafana gets in a recorded stack: its pod, its files and its secrets."""

import configparser
from typing import Any

from tests.support.recording import Recording, run_values, stack_values

LOAD_BALANCER: dict[str, Any] = {
    "exposure": "load-balancer",
    "sourceRanges": ["203.0.113.0/24"],
    "subnetRanges": ["10.1.0.0/16"],
    "certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/made-up",
    "domain": "grafana.example.com",
}
"""The settings of a Grafana that people reach through a load balancer."""
OIDC: dict[str, Any] = {
    "authUrl": "https://login.example.com/authorize",
    "tokenUrl": "https://login.example.com:8443/token",
    "apiUrl": "https://login.example.com/userinfo",
    "clientId": "grafana",
    "groupsClaim": "cognito:groups",
    "roles": {"admin": ["sre"], "editor": ["CN=Team A,OU=Ops", "/dev"], "viewer": ["all (ro)"]},
}
"""The settings of a provider that signs people in to it."""


def files(platform: Any) -> dict[str, str]:
    """Mount path -> text, of the files in Grafana's ConfigMap."""
    data = platform.one("ConfigMap", "grafana")["data"]
    return {
        item["path"]: data[item["key"]] for item in volume(platform, "config")["configMap"]["items"]
    }


def pod(platform: Any) -> dict[str, Any]:
    return platform.one("Deployment", "grafana")["spec"]["template"]["spec"]


def volume(platform: Any, name: str) -> dict[str, Any]:
    (found,) = [found for found in pod(platform)["volumes"] if found["name"] == name]
    return found


def ini(platform: Any) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(files(platform)["grafana.ini"])
    return parser


def with_grafana(settings: dict[str, Any]) -> Recording:
    """Staging with these settings of Grafana."""
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = settings
    return run_values(values)


def secret_files(platform: Any, server: str) -> dict[str, str]:
    """Path -> key of each file that a server's Secret brings into its pod."""
    pod = dict(platform.pods())[server]["spec"]
    (held,) = [found["secret"]["secretName"] for found in pod["volumes"] if "secret" in found]
    (folder,) = [
        mount["mountPath"]
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["name"] == "credentials"
    ]
    # The engine wraps a secret: the wrapper around all of stringData proves that it is one.
    data = platform.one("Secret", held)["stringData"]["value"]
    return {f"{folder}/{key}": text for key, text in data.items()}
