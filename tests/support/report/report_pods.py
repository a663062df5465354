"""The pods' metrics in the reference scenario, now and over the past hours."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.report.report_answers import COUNTS, FIELDS, FIRST, PROBED, RATES, SECOND, TREATY

PODS = (FIRST, SECOND)


def pod_metrics() -> dict[tuple[str, str], str]:
    """The text of each pod's /metrics by job and pod; only the first ψ-Field pod got steps."""
    texts = {("scheduler", "scheduler-0"): "scheduler_job_lag_seconds 0\n"}
    texts["harbinger", "harbinger-0"] = "harbinger_watchdog_healthy 1\n"
    servers = ("prometheus-server", "alertmanager", "grafana")
    for server in (*servers, "kube-state-metrics", "blackbox-exporter"):
        texts[server, f"{server}-0"] = "process_start_time_seconds 1\n"
    texts["blackbox-exporter", "blackbox-exporter-0"] += "".join(
        f'{name}{{probe="{workload}-health",workload="{workload}"}} {value}\n'
        for workload in PROBED
        for name, value in (("probe_success", 1), ("probe_duration_seconds", 0.02))
    )
    for index, pod in enumerate(PODS):
        lines = [
            f"# TYPE psi_field_{name} gauge\npsi_field_{name} {values[index]}"
            for name, values in FIELDS.items()
        ]
        steps = 0 if index else 12
        lines.append(f'psi_field_step_requests_total{{code="200"}} {steps}')
        taken = "psi_field_step_duration_seconds"
        lines += [f'{taken}_bucket{{le="0.25"}} {steps}', f"{taken}_count {steps}"]
        texts["psi-field", pod] = "\n".join([*lines, ""])
    lines = [
        f'# TYPE treaty_{name} {kind}\ntreaty_{name}{{treaty="{TREATY}"}} {value}\n'
        for kind, values in (("counter", COUNTS), ("gauge", RATES))
        for name, value in values.items()
    ]
    texts["aurora-treaty", "aurora-treaty-0"] = "".join(lines)
    return texts


def history(end: int, hours: int) -> str:
    """The history of the charts' series as OpenMetrics, one point a minute."""
    start = end - hours * 3600
    times = [(moment, (moment - start) / (end - start)) for moment in range(start, end, 60)]
    psi = 'job="psi-field",namespace="aurora-local"'
    treaty = f'job="aurora-treaty",namespace="aurora-local",treaty="{TREATY}"'
    past = {
        "psi:pod_drift:abs": {psi: lambda part: 0.8 if part > 0.6 else 0.05},
        "psi_field_prediction_error": {
            f'{psi},pod="{PODS[0]}",instance="{PODS[0]}:8000"': lambda part: (
                0.8625 if part > 0.6 else 0.0625
            ),
            f'{psi},pod="{PODS[1]}",instance="{PODS[1]}:8000"': lambda _: 0.0625,
        },
        "treaty:fill_rate:avg": {treaty: lambda part: 0.99 - 0.04 * part},
        "treaty:rtt:avg": {treaty: lambda part: 95 + 23.7 * part},
        "treaty:requests:rate_5m": {treaty: lambda part: 0.4 if part < 0.5 else 0},
        "vaultmesh:health_score": {"": lambda part: 0.575 if part > 0.6 else 0.97},
        "vaultmesh:l3_availability": {"": lambda _: 1},
    }
    lines = []
    for name, series in past.items():
        lines.append(f"# TYPE {name} gauge")
        for labels, value in series.items():
            lines += [f"{name}{{{labels}}} {value(part)} {moment}" for moment, part in times]
    return "\n".join([*lines, "# EOF", ""])


@contextmanager
def serve_texts(
    texts: Mapping[str, str], kind: str = "text/plain", asked: list[str] | None = None
) -> Iterator[str]:
    """Serve these texts by path on loopback; yields the address, records paths in `asked`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = texts.get(self.path)
            if asked is not None:
                asked.append(self.path)
            body = (text or "").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
