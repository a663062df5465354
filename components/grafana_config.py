"""The files that configure Grafana: grafana.ini, the data source, the dashboard provider."""

import configparser
import io
from dataclasses import dataclass
from typing import Any

from components.grafana_access import Oidc
from components.kit import Server
from yaml_text import dump_yaml

SERVER = Server(name="grafana", port=3000, service_port=80, has_ui=True)
CONFIG_FOLDER = "/etc/grafana-config"
DASHBOARD_FOLDER = "/etc/grafana-dashboards"
SECRET_FOLDER = "/etc/grafana-credentials"
PASSWORD_FILE = "admin-password"
METRICS_PASSWORD_FILE = "metrics-password"
METRICS_USER = "prometheus"
CLIENT_SECRET_FILE = "oidc-client-secret"
PROVISIONING = "provisioning"
LONG_TERM_UID = "managed-prometheus"
CLOUDWATCH_FILE = f"{PROVISIONING}/datasources/cloudwatch.yaml"
RESCAN_SECONDS = 30
"""How often Grafana looks for changed dashboards."""


@dataclass(frozen=True, kw_only=True)
class LongTermSource:
    """A workspace of Amazon Managed Prometheus, in addition to Prometheus."""

    url: str
    region: str


@dataclass(frozen=True, kw_only=True)
class CloudWatchSource:
    """The data source of CloudWatch: its uid in Grafana, and the region whose metrics it shows."""

    uid: str
    region: str


@dataclass(frozen=True, kw_only=True)
class GrafanaConfig:
    """`domain` is the public host name; empty if people use a port-forward.

    `oidc` is the provider that signs people in, if there is one.
    """

    prometheus_url: str
    datasource_uid: str
    domain: str
    oidc: Oidc | None
    long_term: LongTermSource | None = None
    cloudwatch: CloudWatchSource | None = None


def grafana_files(config: GrafanaConfig) -> dict[str, str]:
    """File texts by their path below CONFIG_FOLDER."""
    cloudwatch = config.cloudwatch
    return {
        **({CLOUDWATCH_FILE: _cloudwatch(cloudwatch)} if cloudwatch else {}),
        "grafana.ini": _ini(config),
        f"{PROVISIONING}/datasources/prometheus.yaml": _data_sources(config),
        f"{PROVISIONING}/dashboards/vaultmesh.yaml": _dashboard_provider(),
    }


def _ini(config: GrafanaConfig) -> str:
    """grafana.ini, as Grafana's hardening guide advises, without any traffic to the vendor."""
    sections: dict[str, dict[str, str]] = {
        "server": {"http_port": str(SERVER.port)},
        "log": {"mode": "console"},
        "analytics": {
            "reporting_enabled": "false",
            "check_for_updates": "false",
            "check_for_plugin_updates": "false",
            "feedback_links_enabled": "false",
        },
        "news": {"news_feed_enabled": "false"},
        "plugins": {
            "preinstall_disabled": "true",
            "plugin_admin_enabled": "false",
            "public_key_retrieval_disabled": "true",
        },
        "snapshots": {"enabled": "false", "external_enabled": "false"},
        "public_dashboards": {"enabled": "false"},
        # Prometheus and Alertmanager do the alerting; alerts of Grafana would reach nobody.
        "unified_alerting": {"enabled": "false"},
        "users": {"allow_sign_up": "false", "allow_org_create": "false"},
        "auth": {"login_cookie_name": "__Host-grafana_session"},
        "auth.anonymous": {"enabled": "false", "hide_version": "true"},
        "security": {
            "admin_user": "admin",
            # Grafana reads the file. With GF_..__FILE, the image would put it into the environment.
            "admin_password": _secret(PASSWORD_FILE),
            "cookie_secure": "true",
            "cookie_samesite": "strict",
            "content_security_policy": "true",
            "strict_transport_security": "true",
            "x_content_type_options": "true",
            "x_xss_protection": "true",
            "disable_gravatar": "true",
        },
    }
    if config.domain:
        sections["server"] |= {
            "domain": config.domain,
            "root_url": f"https://{config.domain}/",
            "enforce_domain": "true",
        }
        # The load balancer forwards /metrics as it does every other path, and Grafana answers it
        # for any domain.
        sections["metrics"] = {
            "basic_auth_username": METRICS_USER,
            "basic_auth_password": _secret(METRICS_PASSWORD_FILE),
        }
    if config.oidc:
        sections["auth"]["disable_login_form"] = _boolean(not config.oidc.login_form)
        sections["auth.generic_oauth"] = _generic_oauth(config.oidc)
        # With `strict`, a browser that comes back from the provider does not send the cookie that
        # proves who had sent it there.
        sections["security"]["cookie_samesite"] = "lax"
    if config.long_term:
        sections["auth"] |= {"sigv4_auth_enabled": "true"}
    if config.long_term or config.cloudwatch:
        # Nothing but the credentials of the pod's IAM role.
        sections["aws"] = {"allowed_auth_providers": "default", "assume_role_enabled": "false"}
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _secret(file: str) -> str:
    """A value that Grafana reads from the file."""
    return f"$__file{{{SECRET_FOLDER}/{file}}}"


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _generic_oauth(oidc: Oidc) -> dict[str, str]:
    """The section on the OpenID Connect provider. It creates accounts, and decides their roles."""
    return {
        "enabled": "true",
        "name": "OpenID Connect",
        "client_id": oidc.client_id,
        "client_secret": _secret(CLIENT_SECRET_FILE),
        "scopes": " ".join(oidc.scopes),
        "auth_url": oidc.auth_url,
        "token_url": oidc.token_url,
        "api_url": oidc.api_url,
        "use_pkce": "true",
        "allow_sign_up": "true",
        "role_attribute_path": oidc.role_attribute_path,
        "role_attribute_strict": "true",
        "allow_assign_grafana_admin": "false",
    }


def _data_sources(config: GrafanaConfig) -> str:
    sources = [
        {
            "name": "Prometheus",
            "uid": config.datasource_uid,
            "type": "prometheus",
            "access": "proxy",
            "url": config.prometheus_url,
            "isDefault": True,
            "editable": False,
            "jsonData": {"httpMethod": "POST", "timeInterval": "30s"},
        }
    ]
    if config.long_term:
        sources.append(_long_term(config.long_term))
    return dump_yaml({"apiVersion": 1, "datasources": sources})


def _long_term(source: LongTermSource) -> dict[str, Any]:
    """The core data source, which signs requests up to Grafana 12; later ones need a plugin."""
    return {
        "name": "Amazon Managed Prometheus",
        "uid": LONG_TERM_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": source.url,
        "isDefault": False,
        "editable": False,
        "jsonData": {
            "httpMethod": "POST",
            "timeInterval": "30s",
            "sigV4Auth": True,
            "sigV4AuthType": "default",
            "sigV4Region": source.region,
        },
    }


def _cloudwatch(source: CloudWatchSource) -> str:
    """Grafana's own plugin, which signs its requests with the credentials of the pod's IAM role."""
    found = {
        "name": "CloudWatch",
        "uid": source.uid,
        "type": "cloudwatch",
        "access": "proxy",
        "editable": False,
        "jsonData": {"authType": "default", "defaultRegion": source.region},
    }
    return dump_yaml({"apiVersion": 1, "datasources": [found]})


def _dashboard_provider() -> str:
    document = {
        "apiVersion": 1,
        "providers": [
            {
                "name": "vaultmesh",
                "type": "file",
                "allowUiUpdates": False,
                "disableDeletion": True,
                "updateIntervalSeconds": RESCAN_SECONDS,
                "options": {"path": DASHBOARD_FOLDER},
            }
        ],
    }
    return dump_yaml(document)
