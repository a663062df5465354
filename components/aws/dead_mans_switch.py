"""The part of the dead-man's switch outside the cluster: it notifies people if the heartbeat stops.

Alertmanager publishes each heartbeat to an SNS topic. CloudWatch counts the messages, and raises an
alarm when there are none, whether Alertmanager, Prometheus or the whole cluster is gone.
"""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import cloudwatch, sns

from components.aws.alarm_topic import AlarmTopic, AlarmTopicArgs, Protocol
from components.aws.identity import Statement
from components.aws.permissions import name_prefix
from components.aws.place import Place
from components.aws.policies import allow_principal, policy

PERIOD_SECONDS = 300
"""SNS reports its counts to CloudWatch every five minutes."""


def heartbeat_topic(place: Place, environment: str) -> str:
    """The ARN of the topic, known before it exists: Alertmanager's configuration contains it."""
    return place.arn("sns", f"{name_prefix(environment)}heartbeat")


def alarm_periods(timeout_seconds: int) -> int:
    """How many periods in a row are without a heartbeat when the alarm is raised.

    One more than the timeout has, because the counts of the newest one may be late.
    """
    return -(-timeout_seconds // PERIOD_SECONDS) + 1


@dataclass(frozen=True, kw_only=True)
class DeadMansSwitchArgs:
    """After `timeout_seconds` without a heartbeat, `endpoint` is notified by `protocol`."""

    place: Place
    environment: str
    timeout_seconds: int
    protocol: Protocol
    endpoint: Output[str]


class DeadMansSwitch(pulumi.ComponentResource):
    """The topic of the heartbeat, the alarm on its silence, and the topic that notifies people."""

    publishing: Statement
    """What Alertmanager's role needs."""

    def __init__(self, args: DeadMansSwitchArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:aws:DeadMansSwitch", "dead-mans-switch", None, opts)
        child = ResourceOptions(parent=self)
        arn = heartbeat_topic(args.place, args.environment)
        topic = sns.Topic(
            "heartbeat",
            name=arn.rpartition(":")[2],
            # Every role of the account that may publish to the topic can use this key: its policy
            # says so to any principal, which no boundary of a role limits.
            kms_master_key_id="alias/aws/sns",
            policy=policy(
                allow_principal(
                    "RolesThatMayPublish",
                    {"AWS": args.place.arn("iam", "root", region="")},
                    ("sns:Publish",),
                    arn,
                )
            ),
            opts=child,
        )
        alarm_topic = AlarmTopic(
            "heartbeat-alarm",
            AlarmTopicArgs(
                place=args.place,
                environment=args.environment,
                protocol=args.protocol,
                endpoint=args.endpoint,
            ),
            child,
        )
        periods = alarm_periods(args.timeout_seconds)
        cloudwatch.MetricAlarm(
            "heartbeat",
            name=f"{name_prefix(args.environment)}heartbeat",
            alarm_description=(
                f"No heartbeat from Alertmanager of {args.environment}: alerts reach nobody."
            ),
            comparison_operator="LessThanThreshold",
            threshold=1,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            treat_missing_data="breaching",
            metric_queries=[
                cloudwatch.MetricAlarmMetricQueryArgs(
                    id="published",
                    metric=cloudwatch.MetricAlarmMetricQueryMetricArgs(
                        namespace="AWS/SNS",
                        metric_name="NumberOfMessagesPublished",
                        dimensions={"TopicName": topic.name},
                        period=PERIOD_SECONDS,
                        stat="Sum",
                    ),
                ),
                # Otherwise CloudWatch looks for older data in place of a missing point, and the
                # alarm comes later.
                cloudwatch.MetricAlarmMetricQueryArgs(
                    id="heartbeats",
                    label="heartbeats",
                    expression="FILL(published, 0)",
                    return_data=True,
                ),
            ],
            alarm_actions=[alarm_topic.arn],
            ok_actions=[alarm_topic.arn],
            opts=child,
        )
        self.publishing = Statement(actions=["sns:Publish"], resources=[topic.arn])
        self.register_outputs({})
