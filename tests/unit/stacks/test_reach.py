"""A program reaches what its environment names, or preview says which policy it lacks."""

import json
from typing import Any

import pytest

from stacks.settings.addresses import find_addresses
from stacks.settings.layers import merged
from tests.support.recording import NAME_LABEL, run_values, stack_values
from tests.support.refusals import refusals

AKASH = {"akash": {"host": "api.example.com", "port": 443}}
PLACE = "vaultmesh:settings.workloads.aurora-treaty"


def treaty(**changes: Any) -> dict[str, Any]:
    """Staging's configuration with these settings of the treaty, and a variable ADDRESS."""
    values = stack_values("staging")
    if "address" in changes:
        changes["environment"] = {"ADDRESS": changes.pop("address")}
    settings = merged(values["vaultmesh:settings"], {"workloads": {"aurora-treaty": changes}})
    return values | {"vaultmesh:settings": settings}


def refusal(values: dict[str, Any]) -> str:
    """The only problem of a configuration, without the file's name."""
    (line,) = refusals(values)
    place, _, text = line.partition(": ")
    return f"{place.partition(' (')[0]}: {text}"


@pytest.mark.parametrize(
    "address",
    [
        "https://api.example.com",
        "HTTPS://API.example.com/v1?a=b#c",
        "https://user@api.example.com:443/x",
        "api.example.com:443",
        "psi-field:8000, api.example.com:443",
        json.dumps([{"name": "x", "url": "https://api.example.com/ready"}]),
        r'{"url": "https:\/\/api.example.com"}',
    ],
)
def test_an_address_outside_needs_an_entry_that_opens_its_port(address: str) -> None:
    assert refusal(treaty(address=address, calls=["psi-field"])) == (
        f"{PLACE}.environment.ADDRESS: no policy allows connections to api.example.com:443. "
        "Write `outside: {api: {host: api.example.com, port: 443}}`."
    )
    assert not refusals(treaty(address=address, calls=["psi-field"], outside=AKASH))


def test_the_entry_that_a_refusal_shows_is_accepted() -> None:
    entry = {"api": {"host": "api.example.com", "port": 8443}}
    assert "host: api.example.com, port: 8443" in refusal(treaty(address="api.example.com:8443"))
    assert not refusals(treaty(address="api.example.com:8443", outside=entry))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://api.example.com", "api.example.com:80"),
        ("https://other.example.com", "other.example.com:443"),
        ("https://203.0.113.7/x", "203.0.113.7:443"),
        ("redis://[2001:db8::7]:6379", "2001:db8::7:6379"),
        ("amqp://queue.other-namespace.svc", "queue.other-namespace.svc:PORT"),
    ],
)
def test_another_port_or_host_is_not_covered(address: str, shown: str) -> None:
    assert f"connections to {shown}. Write" in refusal(treaty(address=address, outside=AKASH))


@pytest.mark.parametrize(
    "host",
    [
        "psi-field",
        "psi-field.aurora-staging",
        "psi-field.aurora-staging.svc",
        "psi-field.aurora-staging.svc.cluster.local.",
        "psi-field-headless",
        "psi-field-0.psi-field-headless.aurora-staging.svc",
    ],
)
def test_an_address_inside_needs_a_call_of_its_workload(host: str) -> None:
    address = f"http://{host}:8000/step"
    assert refusal(treaty(address=address)) == (
        f"{PLACE}.environment.ADDRESS: no policy allows calls of psi-field. "
        "Add psi-field to `calls`."
    )
    assert not refusals(treaty(address=address, calls=["psi-field"]))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://psi-feild:8000", "has no Service `psi-feild`. Did you mean `psi-field`?"),
        ("harbinger-headless:8000", "has no Service `harbinger-headless`. Did you mean"),
        ("nobody.aurora-staging.svc:8000", "has no Service `nobody`. Name a workload"),
        ("http://psi-field/step", "psi-field listens on port 8000, not on 80. Write 8000."),
        ("http://prometheus-server", "`prometheus-server` is a server of the platform, which"),
        ("https://me:hunter2@api.example.com", "holds a password. Remove it, and give the"),
    ],
)
def test_what_can_not_work_is_refused(address: str, expected: str) -> None:
    line = refusal(treaty(address=address, calls=["psi-field"], outside=AKASH))
    assert line.startswith(f"{PLACE}.environment.ADDRESS: ")
    assert expected in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "text",
    [
        "loopback",
        "http://localhost:9000 127.0.0.1:9000 [::1]:80 0.0.0.0:8000",
        "from 08:00 to 18:30",
        "registry.example.com/vaultmesh/services:0.1.0",
        "root:10,v1.2:30",
        "12",
        '{"a": 1, "b": [null, true]}',
        "https://$(HOST)/x",
        "https://[broken",
    ],
)
def test_text_that_names_no_other_host_is_accepted(text: str) -> None:
    assert not refusals(treaty(address=text))


def test_every_address_of_a_text_is_found() -> None:
    jobs = [{"url": "http://a:1024/x"}, {"urls": ["https://b.example", "c:8000;d.example:30"]}]
    found = [(address.host, address.port) for address in find_addresses(json.dumps(jobs))]
    assert found == [("a", 1024), ("b.example", 443), ("c", 8000), ("d.example", 30)]


def test_cron_jobs_are_checked_too() -> None:
    values = stack_values("local")
    job = values["vaultmesh:settings"]["cronJobs"]["soak-heartbeat"]
    job["environment"] = {"REPORT_URL": "https://report.example.com"}
    assert refusal(values).startswith("vaultmesh:settings.cronJobs.soak-heartbeat.environment.REP")
    job |= {"outside": {"report": {"host": "report.example.com", "port": 443}}, "calls": []}
    assert not refusals(values)


@pytest.mark.parametrize(
    ("outside", "expected"),
    [
        ({"slack": AKASH["akash"]}, "outside.slack: slack is reserved for the platform itself."),
        ({"harbinger": AKASH["akash"]}, "outside.harbinger: this is the name of a Service here."),
        ({"x": {"host": "psi-field", "port": 1}}, "outside.x.host: `psi-field` is not a domain"),
        ({"x": {"host": "https://a.example", "port": 1}}, "x.host: `https://a.example` is not a"),
        ({"x": {"host": "a.example"}}, "outside.x.port: missing. Set it in Pulumi."),
        ({"x": {"host": "a.example", "port": 70000}}, "outside.x.port: `70000` is too large."),
        (
            {"x": {"host": "psi-field.aurora-staging.svc", "port": 8000}},
            "outside.x.host: psi-field.aurora-staging.svc is inside the namespace. Name its",
        ),
    ],
)
def test_a_wrong_destination_is_named(outside: dict[str, Any], expected: str) -> None:
    assert expected in refusal(treaty(outside=outside))


def test_each_destination_is_one_policy_on_its_port() -> None:
    outside = AKASH | {
        "partner": {"host": "203.0.113.7", "port": 8443},
        "partner6": {"host": "2001:db8::7", "port": 8443},
    }
    platform = run_values(treaty(outside=outside))
    found = {}
    for name in outside:
        spec = platform.one("NetworkPolicy", f"aurora-treaty-to-{name}")["spec"]
        assert spec["podSelector"] == {"matchLabels": {NAME_LABEL: "aurora-treaty"}}
        assert spec["policyTypes"] == ["Egress"]
        [rule] = spec["egress"]
        [port] = rule["ports"]
        blocks = [peer["ipBlock"]["cidr"] for peer in rule.get("to", [])]
        found[name] = (port["port"], port["protocol"], blocks)
    assert found == {
        "akash": (443, "TCP", []),
        "partner": (8443, "TCP", ["203.0.113.7/32"]),
        "partner6": (8443, "TCP", ["2001:db8::7/128"]),
    }
