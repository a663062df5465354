"""A stand-in for Grafana, which no package registry offers. It draws nothing.

It reads the configuration, the provisioned data sources and the dashboards as Grafana does, and
answers /api/health with 503 and the first fault that it finds, so that its pod never becomes ready.
As Grafana does, it asks for the password of the metrics, and sends whoever calls it by another name
than its domain there. It runs inside the node, on Debian's Python with python3-yaml.
"""

import base64
import configparser
import json
import os
import re
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

MARK = "stand-in for Grafana"


class GrafanaError(Exception):
    """Something that Grafana would refuse or could not show."""


def read_settings(path):
    """Return grafana.ini with each `$__file{PATH}` replaced by the file's text."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(Path(path).read_text())
    for section in parser.sections():
        for key, value in parser.items(section):
            if match := re.fullmatch(r"\$__file\{(.+)\}", value):
                parser.set(section, key, Path(match[1]).read_text().strip())
    return parser


def read_provisioning(folder):
    """Return the uids of the provisioned data sources and the dashboards by uid."""
    sources, boards = {}, {}
    for path in sorted(Path(folder, "datasources").glob("*.yaml")):
        for source in yaml.safe_load(path.read_text())["datasources"]:
            if not source["url"].startswith("http"):
                raise GrafanaError(f"{path}: data source {source['name']} has no URL")
            sources[source["uid"]] = source["type"]
    for path in sorted(Path(folder, "dashboards").glob("*.yaml")):
        for provider in yaml.safe_load(path.read_text())["providers"]:
            for file in sorted(Path(provider["options"]["path"]).glob("*.json")):
                board = json.loads(file.read_text())
                check_dashboard(file, board, sources)
                if board["uid"] in boards:
                    raise GrafanaError(f"{file}: uid {board['uid']} stands twice")
                boards[board["uid"]] = board
    if not sources or not boards:
        raise GrafanaError(f"{folder}: {len(sources)} data sources and {len(boards)} dashboards")
    return sources, boards


def check_dashboard(file, board, sources):
    """Raise GrafanaError if the dashboard lacks a part or names a data source that is not there."""
    for key in ("uid", "title", "schemaVersion", "panels"):
        if not board.get(key):
            raise GrafanaError(f"{file}: no {key}")
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) < len(ids):
        raise GrafanaError(f"{file}: two panels have the same id")
    annotations = board.get("annotations", {}).get("list", [])
    variables = board.get("templating", {}).get("list", [])
    users = [*annotations, *variables]
    for panel in board["panels"]:
        if not all(key in panel for key in ("type", "title", "gridPos")):
            raise GrafanaError(f"{file}: panel {panel['id']} has no type, title or place")
        users += [panel, *panel.get("targets", [])]
    for user in users:
        source = user.get("datasource")
        # Grafana's own source of annotations has this name.
        if not source or source.get("uid") == "-- Grafana --":
            continue
        if sources.get(source.get("uid")) != source.get("type"):
            raise GrafanaError(f"{file}: no data source {source}")


def basic_auth(user, password):
    """Return the header by which a client says who it is."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def check_sign_in(settings):
    """Raise GrafanaError if people can't sign in by OpenID Connect although they should."""
    section = "auth.generic_oauth"
    if settings.getboolean(section, "enabled", fallback=False):
        for key in ("client_id", "client_secret", "auth_url", "token_url"):
            if not settings.get(section, key, fallback=""):
                raise GrafanaError(f"[{section}]: no {key}")


def main():
    """Serve health, metrics and the list of dashboards until the pod ends."""
    settings = read_settings(os.environ["GF_PATHS_CONFIG"])
    check_sign_in(settings)
    login = basic_auth("admin", settings["security"]["admin_password"])
    reader, server = None, settings["server"]
    if "metrics" in settings:
        user, password = (
            settings["metrics"][f"basic_auth_{key}"] for key in ("username", "password")
        )
        reader = basic_auth(user, password)
    domain = server["domain"] if server.getboolean("enforce_domain", fallback=False) else None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            # Read at each request, as Grafana rescans: a later fault shows too.
            try:
                boards, fault = read_provisioning(os.environ["GF_PATHS_PROVISIONING"])[1], None
            except (
                GrafanaError,
                OSError,
                ValueError,
                KeyError,
                TypeError,
                yaml.YAMLError,
            ) as error:
                boards, fault = {}, f"{type(error).__name__}: {error}"
            if self.path == "/api/health":
                state = {"database": "ok", "version": MARK}
                self.answer(503 if fault else 200, {**state, "fault": fault} if fault else state)
            elif self.path == "/metrics" and reader not in (None, self.headers["Authorization"]):
                self.answer(401, "")
            elif self.path == "/metrics":
                lines = [
                    f'grafana_build_info{{edition="{MARK}"}} 1',
                    f"grafana_stat_totals_dashboard {len(boards)}",
                ]
                self.answer(200, "\n".join(lines) + "\n")
            elif domain not in (None, self.headers.get("Host", "").partition(":")[0]):
                self.send_response(301)
                self.send_header("Location", server["root_url"].rstrip("/") + self.path)
                self.end_headers()
            elif self.headers.get("Authorization") != login:
                self.answer(401, {"message": "Unauthorized"})
            elif self.path == "/api/search":
                self.answer(200, [{"uid": uid, "title": b["title"]} for uid, b in boards.items()])
            else:
                self.answer(404, {"message": "Not found"})

        def answer(self, status, content):
            text = content if isinstance(content, str) else json.dumps(content)
            kind = "text/plain; version=0.0.4" if content is text else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())
            if status == 503:
                print(text, file=sys.stderr, flush=True)

        def log_message(self, format, *arguments):  # noqa: A002
            pass

    # A container's first process ends at a signal only if it handles it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    address = server.get("http_addr", "")
    ThreadingHTTPServer((address, int(server["http_port"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
