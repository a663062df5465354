"""The real Alertmanager publishes its heartbeat to SNS, played by moto on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml
from botocore.config import Config
from moto.backends import get_backend
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from tests.support.alertmanager import Running, alert, alertmanager
from tests.support.loopback import Stub, stub
from tests.support.recording import Recording, run_values, stack_values
from tests.support.rules.promtool import WITH_ZONES
from tests.support.waiting import wait_for

ACCOUNT, REGION = "123456789012", "eu-west-1"
"""moto's account. The topic's ARN in the configuration names the account of the mocks."""
CREDENTIALS = {
    "AccessKeyId": "made-up",
    "SecretAccessKey": "made-up",
    "Token": "made-up",
    "Expiration": "2100-01-01T00:00:00Z",
}
AGENTS_TOKEN = "made-up-service-account-token"


@pytest.fixture(scope="module")
def declared() -> Recording:
    values = stack_values("staging")
    values["vaultmesh:settings"]["aws"] = {"deadMansSwitch": True, "alarmsBy": "https"}
    return run_values(values)


@pytest.fixture
def aws() -> Iterator[str]:
    """The URL of moto's AWS."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stub]:
    """The agent that gives a pod the credentials of its role; EKS tells each pod its address."""
    token = tmp_path / "token"
    token.write_text(AGENTS_TOKEN)
    with stub(lambda _: (200, json.dumps(CREDENTIALS).encode())) as found:
        of_pods = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{found.url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        env = {key: value for key, value in WITH_ZONES.items() if not key.startswith("AWS_")}
        monkeypatch.setattr("tests.support.alertmanager.WITH_ZONES", env | of_pods)
        yield found


def made_topic(recording: Recording, url: str) -> str:
    """The ARN of the heartbeat's topic, made in moto under its declared name."""
    (name,) = [
        found.inputs["name"]
        for found in recording.resources
        if (found.kind, found.name) == ("Topic", "heartbeat")
    ]
    sns = boto3.client(
        "sns",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",
        config=Config(proxies={}),
    )
    return sns.create_topic(Name=name)["TopicArn"]


def published(topic: str) -> list[tuple[str, str]]:
    """(subject, message) of what the topic has received, oldest first."""
    found = get_backend("sns")[ACCOUNT][REGION].topics[topic].sent_notifications
    return [(subject, message) for _, message, subject, *_ in found]


def with_moto(recording: Recording, url: str, topic: str) -> dict[str, str]:
    """The rendered files with moto in place of SNS: its address, and its account in the ARN."""
    files = recording.one("ConfigMap", "alertmanager")["data"]
    config = yaml.safe_load(files["alertmanager.yml"])
    for receiver in config["receivers"]:
        for entry in receiver.get("sns_configs", []):
            entry |= {"api_url": url, "topic_arn": topic}
    return {**files, "alertmanager.yml": yaml.safe_dump(config)}


def test_the_heartbeat_reaches_the_topic_until_alertmanager_stops(
    declared: Recording, aws: str, agent: Stub, tmp_path: Path
) -> None:
    topic = made_topic(declared, aws)
    with alertmanager(with_moto(declared, aws, topic), tmp_path) as running:
        running.post(alert("Watchdog", "none", heartbeat="outside"))
        wait_for(lambda: len(published(topic)) >= 3, "three heartbeats", 20)
        assert set(published(topic)) == {("Heartbeat of aurora-staging", "Watchdog")}
        assert {seen.headers["authorization"] for seen in agent.requests} == {AGENTS_TOKEN}
        stop(running)
        last = len(published(topic))
        with pytest.raises(AssertionError, match="another heartbeat"):
            wait_for(lambda: len(published(topic)) > last, "another heartbeat", 5)


def stop(running: Running) -> None:
    running.process.kill()
    running.process.wait()


def test_other_alerts_are_not_published(declared: Recording, aws: str, tmp_path: Path) -> None:
    topic = made_topic(declared, aws)
    with alertmanager(with_moto(declared, aws, topic), tmp_path) as running:
        running.post(alert("TreatyDown", "critical", job="aurora-treaty"))
        running.wait_for("/pagerduty")
        running.post(alert("Watchdog", "none", heartbeat="outside"))
        wait_for(lambda: published(topic), "a heartbeat", 20)
        assert {message for _, message in published(topic)} == {"Watchdog"}
