"""Each alert has a runbook, its numbers are the alert's, and its commands name what exists."""

import re
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.conftest import Recording
from tests.unit.series import ROOT, alerts, mistakes, thresholds

FOLDER = ROOT / "docs" / "runbooks"
PAGES = {page.stem: page.read_text() for page in sorted(FOLDER.glob("*.md"))}
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]

# What the commands may name.
SERVICES = {
    "psi-field": 8000,
    "psi-field-headless": 8000,
    "aurora-treaty": 8000,
    "prometheus-server": 80,
    "alertmanager": 9093,
    "grafana": 80,
    "blackbox-exporter": 9115,
}
WORKLOADS = {
    "deployment": {"psi-field", "aurora-treaty", "grafana", "blackbox-exporter"},
    "statefulset": {"prometheus-server", "alertmanager"},
}
CONTAINERS = {"prometheus-server", "config-reload", "blackbox-exporter"}
POD_PORTS = {8000}

each_alert = pytest.mark.parametrize("alert", alerts())
each_page = pytest.mark.parametrize("page", PAGES)


def blocks(page: str) -> list[str]:
    """The shell commands of a page, block by block; a block in a list is indented."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", PAGES[page], re.M | re.S)
    assert all(language == "bash" for _, language, _ in found), "mark each block as ```bash"
    return [dedent(text) for _, _, text in found]


def commands(page: str) -> str:
    """All commands of a page, those inside sentences too, each on one line, without comments."""
    in_sentences = re.findall(r"(?<!`)`((?:kubectl|curl) [^`]+)`", PAGES[page])
    text = "\n".join([*blocks(page), *in_sentences]).replace("\\\n", " ")
    return re.sub(r"^\s*#.*\n", "", text, flags=re.M)


def prose(page: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", PAGES[page], flags=re.M | re.S)


def section(page: str, heading: str) -> str:
    return PAGES[page].split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_stack_declares_what_the_runbooks_may_name(platform: Recording) -> None:
    for name, port in SERVICES.items():
        assert port in [found["port"] for found in platform.one("Service", name)["spec"]["ports"]]
    for kind, names in (("Deployment", "deployment"), ("StatefulSet", "statefulset")):
        assert WORKLOADS[names] <= {found["metadata"]["name"] for found in platform.all(kind)}
    pods = {name: template["spec"]["containers"] for name, template in platform.pods()}
    assert {found["name"] for containers in pods.values() for found in containers} >= CONTAINERS
    assert {at["containerPort"] for c in pods["psi-field"] for at in c["ports"]} >= POD_PORTS


@each_alert
def test_an_alert_has_a_runbook(alert: str) -> None:
    assert alert in PAGES, f"{alert} has no runbook: write docs/runbooks/{alert}.md"


@each_page
def test_a_runbook_belongs_to_an_alert(page: str) -> None:
    assert page in alerts(), f"no alert is called {page}: rename or remove docs/runbooks/{page}.md"


@each_page
def test_a_runbook_has_the_four_headings_in_order(page: str) -> None:
    assert re.findall(r"^#.*$", prose(page), re.M) == [f"# {page}", *HEADINGS]


@each_page
@pytest.mark.parametrize("heading", HEADINGS)
def test_a_section_says_something(page: str, heading: str) -> None:
    words = re.findall(r"\w+", section(page, heading))
    assert len(words) >= 25, f"{page}: {heading} has {len(words)} words: say what helps on call"


@each_page
def test_a_runbook_holds_no_placeholder(page: str) -> None:
    words = r"\b(todo|tbd|tba|fixme|xxx+|placeholder|lorem|ipsum|coming soon|work in progress)\b"
    assert re.findall(words, PAGES[page], re.I) == []
    # `<name>` would have to be filled in; `<<END` starts a here-document.
    assert re.findall(r"(?<!<)<[a-z][\w -]*>|\.\.\.|…", commands(page)) == []


@each_page
def test_a_runbook_names_the_alert_s_severity_thresholds_and_duration(page: str) -> None:
    rule = alerts()[page]
    assert f"\nSeverity: {rule['labels']['severity']}." in PAGES[page]
    meaning = section(page, "## Meaning")
    numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", meaning)}
    assert set(thresholds()[page].values()) <= numbers
    assert rule["for"].endswith("m") and f"{rule['for'][:-1]} minutes" in meaning


@each_page
def test_the_links_of_a_runbook_lead_to_runbooks(page: str) -> None:
    for text, target in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", prose(page)):
        assert target == f"{text}.md" and text in PAGES, f"{page} links to {target}"


def siblings() -> list[tuple[str, str]]:
    """Pairs of alerts that judge the same series and differ in severity and numbers alone."""
    shape = {name: re.sub(r"[\d.]+", "#", rule["expr"]) for name, rule in alerts().items()}
    severity = {name: rule["labels"]["severity"] for name, rule in alerts().items()}
    return [
        (one, other)
        for one in shape
        for other in shape
        if shape[one] == shape[other] and severity[one] != severity[other]
    ]


@pytest.mark.parametrize(("page", "sibling"), siblings())
def test_a_warning_and_its_critical_sibling_link_to_each_other(page: str, sibling: str) -> None:
    assert f"[{sibling}]({sibling}.md)" in PAGES[page]


def test_the_fill_rate_alerts_are_known_as_siblings() -> None:
    assert ("TreatyFillRateLow", "TreatyFillRateCritical") in siblings()


@each_page
def test_the_commands_of_a_runbook_are_shell(page: str, tmp_path: Path) -> None:
    for number, text in enumerate([*blocks(page), commands(page)]):
        script = tmp_path / f"{number}.sh"
        script.write_text(text)
        checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
        assert checked.returncode == 0 and not checked.stderr, f"{page}: {checked.stderr}"


@each_page
def test_the_first_command_sets_the_namespace(page: str) -> None:
    first, *others = commands(page).splitlines()
    assert first == "NAMESPACE=aurora-staging"
    assert not [line for line in others if "NAMESPACE=" in line], "set it once, at the top"
    assert "aurora-staging" not in "\n".join(others), 'write "$NAMESPACE"'


@each_page
def test_the_diagnosis_looks_at_the_cluster(page: str) -> None:
    assert "```bash\nNAMESPACE=" in section(page, "## Diagnosis")


@each_page
def test_kubectl_is_told_the_namespace_and_runs_nothing_inside_a_pod(page: str) -> None:
    """The images have no shell and no tools, so `kubectl exec` would fail."""
    found = re.findall(r'kubectl( -n "\$NAMESPACE")? (\S+)', commands(page))
    assert found and len(found) == commands(page).count("kubectl")
    for namespace, verb in found:
        assert namespace, f'{page}: kubectl {verb} without -n "$NAMESPACE"'
        assert verb in {"get", "describe", "logs", "port-forward", "rollout"}, f"kubectl {verb}"


@each_page
def test_kubectl_names_workloads_and_containers_that_exist(page: str) -> None:
    text = commands(page)
    for kind, name in re.findall(r"\b(deployment|statefulset)s?[/ ]([a-z][\w-]*)", text):
        assert name in WORKLOADS[kind], f"{page}: there is no {kind} {name}"
    for name in re.findall(r"\bkubernetes\.io/service-name=(\S+)", text):
        assert name in SERVICES, f"{page}: there is no Service {name}"
    for name in re.findall(r" -c (\S+)", re.sub(r"python3 -c", "", text)):
        assert name in CONTAINERS, f"{page}: there is no container {name}"


@each_page
def test_port_forwards_lead_to_services_and_ports_that_exist(page: str) -> None:
    text = commands(page)
    forwards = re.findall(r'port-forward "?(service|pod)/(\S+?)"? \d+:(\d+)', text)
    assert len(forwards) == text.count("port-forward")
    for kind, name, port in forwards:
        if kind == "pod":
            assert int(port) in POD_PORTS
        else:
            assert name in SERVICES, f"{page}: there is no Service {name}"
            assert int(port) == SERVICES[name], f"{page}: {name} has port {SERVICES[name]}"


@each_page
def test_curl_asks_only_what_was_forwarded_before(page: str) -> None:
    open_ports: set[str] = set()
    for line in commands(page).splitlines():
        open_ports |= set(re.findall(r"port-forward \S+ (\d+):", line))
        if "curl " in line:
            asked = re.findall(r"https?://([^/\s'\"]+)/", line)
            assert len(asked) == 1, f"{page}: {line}"
            host, _, port = asked[0].partition(":")
            assert host == "localhost" and port in open_ports, f"{page}: nobody forwards {asked}"


@each_page
def test_a_port_forward_is_ended_on_the_page(page: str) -> None:
    text = commands(page)
    started = re.findall(r"^\s*(\w+)=\$!$", text, re.M)
    assert len(started) == text.count("port-forward")
    for process in started:
        assert text.count(f'kill "${process}"') == started.count(process)


@each_page
def test_the_queries_of_a_runbook_name_series_that_exist(page: str) -> None:
    queries = re.findall(r"^query '(.*)'$", commands(page), re.M)
    assert len(queries) == commands(page).count("query '")
    for query in queries:
        assert mistakes(query) == [], f"{page}: {query}"
