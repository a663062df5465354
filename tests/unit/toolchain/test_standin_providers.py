"""The stand-ins complete inputs, find changes, and refuse to reach a cluster or an account."""

import base64
import os
from typing import Any

import grpc
import pytest
from pulumi.runtime import proto

from toolchain.standin.aws import AwsStandIn
from toolchain.standin.kubernetes import KubernetesStandIn
from toolchain.standin.properties import UNKNOWN, dump, load, secret


class RefusedError(Exception):
    """What `context.abort` raises."""


class Context:
    """A call's context that can only be aborted."""

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        """End the call."""
        raise RefusedError(details)


def kubernetes(**config: str) -> KubernetesStandIn:
    """A stand-in configured as the engine would, without an engine."""
    stand_in = KubernetesStandIn("4.0.0", "127.0.0.1:1")
    stand_in.config = config
    return stand_in


def check(
    token: str, inputs: dict[str, Any], old: dict[str, Any] | None = None, **config: str
) -> dict[str, Any]:
    """The inputs as Check completes them, secrets still marked."""
    request = proto.CheckRequest(
        type=token, name="rules", news=dump(inputs), olds=dump(old or {}), randomSeed=os.urandom(8)
    )
    return load(kubernetes(**config).Check(request, Context()).inputs)


def diff(old: dict[str, Any], new: dict[str, Any], *ignored: str, **config: str) -> Any:
    """The answer to Diff."""
    request = proto.DiffRequest(old_inputs=dump(old), news=dump(new), ignoreChanges=ignored)
    return kubernetes(**config).Diff(request, Context())


def manifest(kind: str = "ConfigMap", **more: Any) -> dict[str, Any]:
    """A named object."""
    metadata = {"name": "rules", "namespace": "demo"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


@pytest.mark.parametrize(
    ("token", "version", "kind"),
    [
        ("kubernetes:core/v1:ConfigMap", "v1", "ConfigMap"),
        ("kubernetes:apps/v1:StatefulSet", "apps/v1", "StatefulSet"),
        ("kubernetes:policy/v1:PodDisruptionBudget", "policy/v1", "PodDisruptionBudget"),
        (
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            "networking.k8s.io/v1",
            "NetworkPolicy",
        ),
    ],
)
def test_check_fills_in_what_the_type_says(token: str, version: str, kind: str):
    checked = check(token, {"metadata": {"name": "a"}})
    assert (checked["apiVersion"], checked["kind"]) == (version, kind)


def test_a_missing_name_is_made_up_once_and_kept():
    first = check("kubernetes:core/v1:ConfigMap", {})
    name = first["metadata"]["name"]
    assert name.startswith("rules-")
    assert len(name) == len("rules-") + 8
    assert check("kubernetes:core/v1:ConfigMap", {}, old=first)["metadata"]["name"] == name


def test_a_default_namespace_goes_to_namespaced_kinds_alone():
    def namespace(kind: str, **given: str) -> str | None:
        inputs = {"metadata": {"name": "a", **given}}
        checked = check(f"kubernetes:core/v1:{kind}", inputs, namespace="given")
        return checked["metadata"].get("namespace")

    assert namespace("ConfigMap") == "given"
    assert namespace("ConfigMap", namespace="own") == "own"
    assert namespace("Namespace") is None


@pytest.mark.parametrize(
    "token", ["core/v1:ConfigMapList", "core/v1:PodPatch", "helm.sh/v3:Release"]
)
def test_an_incomplete_object_and_a_list_are_refused(token: str):
    with pytest.raises(RefusedError, match="can't render"):
        check(f"kubernetes:{token}", {})


def test_a_secret_s_text_becomes_base64_and_is_secret_even_if_not_marked():
    checked = check(
        "kubernetes:core/v1:Secret",
        {"metadata": {"name": "a"}, "stringData": {"p": "wörd"}, "data": {"q": "eA=="}},
    )
    assert checked["data"] == secret({"p": base64.b64encode("wörd".encode()).decode(), "q": "eA=="})
    assert "stringData" not in checked


@pytest.mark.parametrize("text", [UNKNOWN, {"p": UNKNOWN}])
def test_a_secret_not_known_yet_passes(text: Any):
    checked = check("kubernetes:core/v1:Secret", {"metadata": {"name": "a"}, "stringData": text})
    assert checked["stringData"] == secret(text)


@pytest.mark.parametrize(
    ("old", "new", "config", "replaces"),
    [
        (manifest(data={"a": "1"}), manifest(data={"a": "2"}), {}, ["data.a"]),
        (
            manifest(data={"a": "1"}),
            manifest(data={"a": "2"}),
            {"enableConfigMapMutable": "true"},
            [],
        ),
        (
            manifest(immutable=True, data={"a": "1"}),
            manifest(immutable=True, data={"a": "2"}),
            {"enableConfigMapMutable": "true"},
            ["data.a"],
        ),
        (
            manifest("Secret", data={"a": "1"}),
            manifest("Secret", data={"a": "2"}),
            {"enableConfigMapMutable": "true"},
            ["data.a"],
        ),
        (
            manifest("Secret", data={"a": "1"}),
            manifest("Secret", data={"a": "2"}),
            {"enableSecretMutable": "true"},
            [],
        ),
        (
            manifest("StatefulSet", spec={"serviceName": "a", "replicas": 1}),
            manifest("StatefulSet", spec={"serviceName": "b", "replicas": 2}),
            {},
            ["spec.serviceName"],
        ),
        (
            manifest("Deployment", spec={"selector": {"matchLabels": {"a": "1"}}}),
            manifest("Deployment", spec={"selector": {"matchLabels": {"a": "2"}}}),
            {},
            ["spec.selector.matchLabels.a"],
        ),
        (
            manifest(),
            {**manifest(), "metadata": {"name": "rules", "namespace": "other"}},
            {},
            ["metadata.namespace"],
        ),
    ],
)
def test_a_change_that_an_api_server_refuses_replaces(
    old: dict[str, Any], new: dict[str, Any], config: dict[str, str], replaces: list[str]
):
    answer = diff(old, new, **config)
    assert answer.changes == proto.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == replaces
    kinds = {
        path: proto.PropertyDiff.Kind.Name(part.kind) for path, part in answer.detailedDiff.items()
    }
    assert {path for path, kind in kinds.items() if kind.endswith("_REPLACE")} == set(replaces)


def test_the_old_object_goes_first_only_where_the_new_one_needs_its_place():
    old, new = manifest(data={"a": "1"}), manifest(data={"a": "2"})
    assert diff(old, new).deleteBeforeReplace
    renamed = {**new, "metadata": {"name": "other", "namespace": "demo"}}
    assert not diff(old, renamed).deleteBeforeReplace
    auto = {"name": "rules", "namespace": "demo", "annotations": {"pulumi.com/autonamed": "true"}}
    assert not diff({**old, "metadata": auto}, {**new, "metadata": auto}).deleteBeforeReplace


def test_ignored_properties_are_not_changes():
    old, new = manifest(data={"a": "1"}), manifest(data={"a": "2"})
    assert diff(old, new, "data").changes == proto.DiffResponse.DIFF_NONE
    assert diff(old, new, "dat").changes == proto.DiffResponse.DIFF_SOME


def test_another_folder_replaces_everything_and_another_setting_does_not():
    def config_diff(**new: str) -> Any:
        old = {"renderYamlToDirectory": "a", "namespace": "x"}
        request = proto.DiffRequest(olds=dump(old), news=dump({**old, **new}))
        return kubernetes().DiffConfig(request, Context())

    assert list(config_diff(renderYamlToDirectory="b").replaces) == ["renderYamlToDirectory"]
    assert list(config_diff(namespace="y").replaces) == []
    assert list(config_diff(namespace="y").diffs) == ["namespace"]
    assert config_diff().changes == proto.DiffResponse.DIFF_NONE


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
def test_a_real_cluster_is_refused_in_one_line_that_says_what_to_do(verb: str):
    bag = dump(manifest())
    request = {
        "Create": proto.CreateRequest(properties=bag),
        "Update": proto.UpdateRequest(news=bag),
        "Delete": proto.DeleteRequest(properties=bag),
    }[verb]
    with pytest.raises(RefusedError) as refused:
        getattr(kubernetes(context="production"), verb)(request, Context())
    assert "\n" not in str(refused.value)
    assert "reaches no cluster" in str(refused.value)
    assert "pulumi plugin install resource kubernetes 4.0.0" in str(refused.value)


def aws(token: str, region: str = "eu-west-1", **args: str) -> dict[str, Any]:
    """What the AWS stand-in answers to a look-up."""
    stand_in = AwsStandIn("7.0.0", "127.0.0.1:1")
    stand_in.config = {"region": region}
    answer = stand_in.Invoke(proto.InvokeRequest(tok=token, args=dump(dict(args))), Context())
    return load(getattr(answer, "return"))


def test_an_eks_cluster_is_answered_with_marked_placeholders():
    cluster = aws("aws:eks/getCluster:getCluster", name="aurora")
    assert cluster["endpoint"] == "https://stand-in.invalid"
    assert cluster["arn"] == "arn:aws:eks:eu-west-1:000000000000:cluster/aurora"
    data = base64.b64decode(cluster["certificateAuthorities"][0]["data"])
    assert data == b"stand-in.invalid: not a certificate"


def test_a_look_up_without_an_answer_is_refused_by_name():
    with pytest.raises(RefusedError, match="no answer to aws:ec2/getVpc:getVpc"):
        aws("aws:ec2/getVpc:getVpc")


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
def test_aws_is_never_changed(verb: str):
    request = {
        "Create": proto.CreateRequest(),
        "Update": proto.UpdateRequest(),
        "Delete": proto.DeleteRequest(),
    }[verb]
    with pytest.raises(RefusedError, match="the stand-in for the aws provider"):
        getattr(AwsStandIn("7.0.0", "127.0.0.1:1"), verb)(request, Context())
