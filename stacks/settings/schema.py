"""The shape of `vaultmesh:settings`: every key a stack may set, its type and its default."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from components.values import DnsLabel, HttpsUrl, Image, Quantity, Text, WorkloadName
from stacks.alerting_settings import Alertmanager
from stacks.sections import Section
from stacks.server_settings import Grafana, Prometheus
from stacks.service_settings import CronJob, Workload
from stacks.synthetics_settings import Synthetics, health_probes


class Cluster(Section):
    """How the cluster is reached: exactly one of an EKS name, a kubeconfig context, or a folder."""

    eks: Text | None = None
    context: Text | None = None
    render: Text | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Cluster":
        if sum(way is not None for way in (self.eks, self.context, self.render)) != 1:
            raise ValueError("set exactly one of eks, context, render")
        return self


class Quota(Section):
    """Ceiling for the whole namespace: a number of pods, cores, and quantities of memory."""

    pods: int = Field(ge=1)
    cpu: Quantity
    memory: Quantity
    memory_limit: Quantity


class Rules(Section):
    """Where runbooks are published, and what this stack changes in the rules."""

    runbook_base_url: HttpsUrl
    overrides: dict[str, dict[str, str | float]] = Field(default_factory=dict)


class Images(Section):
    """The images of others that the platform runs."""

    prometheus: Image
    alertmanager: Image
    blackbox_exporter: Image
    config_reloader: Image
    grafana: Image
    kube_state_metrics: Image


class Settings(Section):
    """All of `vaultmesh:settings`.

    `production` says whether people are paged for it; no other stack may have their pager.
    `services_image` is the one image of all workloads; `storage_class` None means the cluster's
    default class.
    """

    environment: DnsLabel
    production: bool
    namespace: DnsLabel
    pod_security_version: Annotated[str, StringConstraints(pattern=r"^v1\.[0-9]+$")]
    cluster: Cluster
    storage_class: DnsLabel | None = None
    services_image: Image
    quota: Quota
    prometheus: Prometheus
    alertmanager: Alertmanager
    grafana: Grafana = Grafana()
    rules: Rules
    workloads: dict[WorkloadName, Workload] = Field(min_length=1)
    cron_jobs: dict[WorkloadName, CronJob] = Field(default_factory=dict)
    synthetics: Synthetics = Synthetics()

    @model_validator(mode="after")
    def _names_of_workloads_exist(self) -> "Settings":
        named = {
            f"workloads.{name}.calls": workload.calls for name, workload in self.workloads.items()
        }
        named |= {f"cronJobs.{name}.calls": job.calls for name, job in self.cron_jobs.items()}
        named |= {
            f"synthetics.probes.{name}.workload": (probe.workload,)
            for name, probe in self.synthetics.probes.items()
        }
        if self.alertmanager.webhook is not None:
            named["alertmanager.webhook.workload"] = (self.alertmanager.webhook.workload,)
        for key, names in named.items():
            for name in names:
                if name not in self.workloads:
                    raise ValueError(f"{key} names {name!r}; there are {', '.join(self.workloads)}")
        return self

    @model_validator(mode="after")
    def _each_probe_has_a_name_of_its_own(self) -> "Settings":
        made = health_probes(self.workloads)
        for name in self.synthetics.probes:
            if name in made:
                raise ValueError(
                    f"synthetics.probes.{name} has the name of the probe of {made[name].workload}"
                    f"'s {made[name].path}, which is made without it; choose another"
                )
        return self
