"""A stand-in for Grafana, which no package registry offers. It draws nothing.

It reads the configuration, the provisioned data sources and the dashboards as Grafana does, and
answers /api/health with 503 and the first fault that it finds, so that its pod never becomes ready.
To who signs in, it answers the parts of Grafana's API that list and return dashboards and check a
data source. As Grafana does, it asks for the password of the metrics, and sends whoever calls it by
another name than its domain there. It runs inside the node, on Debian's Python with python3-yaml.
"""

import base64
import configparser
import json
import os
import re
import signal
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

MARK = "stand-in for Grafana"
LIMIT_SECONDS = 5


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
    """Return the provisioned data sources and the dashboards, both by uid."""
    sources, boards = {}, {}
    for path in sorted(Path(folder, "datasources").glob("*.yaml")):
        for source in yaml.safe_load(path.read_text())["datasources"]:
            if not source["url"].startswith("http"):
                raise GrafanaError(f"{path}: data source {source['name']} has no URL")
            sources[source["uid"]] = source
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
        if sources.get(source.get("uid"), {}).get("type") != source.get("type"):
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


def check_source(source):
    """Let the data source add two numbers, as Grafana's check does; return (status, answer)."""
    query = urllib.parse.urlencode({"query": "1+1"}).encode()
    try:
        # `read_provisioning` lets only http and https pass.
        address = f"{source['url']}/api/v1/query"
        with urllib.request.urlopen(address, query, LIMIT_SECONDS):  # noqa: S310
            return 200, {"status": "OK", "message": "Successfully queried the Prometheus API."}
    except OSError as error:
        return 400, {"status": "ERROR", "message": f"{error}: error querying the Prometheus API"}


def answer_api(path, sources, boards):
    """Return (status, answer) of Grafana's API for a path that needs a login."""
    parts = path.partition("?")[0].strip("/").split("/")
    if parts == ["api", "search"]:
        hits = [
            {"uid": uid, "title": one["title"], "type": "dash-db"} for uid, one in boards.items()
        ]
        return 200, hits
    if parts[:3] == ["api", "dashboards", "uid"] and len(parts) == 4:
        if parts[3] not in boards:
            return 404, {"message": "Dashboard not found"}
        return 200, {"meta": {"provisioned": True}, "dashboard": boards[parts[3]]}
    if parts[:3] == ["api", "datasources", "uid"] and parts[4:] == ["health"]:
        if parts[3] not in sources:
            return 404, {"message": "Data source not found"}
        return check_source(sources[parts[3]])
    return 404, {"message": "Not found"}


def main():
    """Serve health, metrics and the API until the pod ends."""
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
                sources, boards = read_provisioning(os.environ["GF_PATHS_PROVISIONING"])
                fault = None
            except (
                GrafanaError,
                OSError,
                ValueError,
                KeyError,
                TypeError,
                yaml.YAMLError,
            ) as error:
                sources, boards, fault = {}, {}, f"{type(error).__name__}: {error}"
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
            else:
                self.answer(*answer_api(self.path, sources, boards))

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
