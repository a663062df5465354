"""An SNS topic through which alarms of CloudWatch notify people, by e-mail or an HTTPS request."""

from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import sns

from components.aws.permissions import ALARMS_ALIAS, name_prefix
from components.aws.place import Place
from components.aws.policies import allow_alarms, policy

Protocol = Literal["email", "https"]


@dataclass(frozen=True, kw_only=True)
class AlarmTopicArgs:
    """The region of `place` is that of the alarms: CloudWatch publishes to no other region.

    `endpoint` is an e-mail address, or a URL such as that of PagerDuty's CloudWatch integration.
    """

    place: Place
    environment: str
    protocol: Protocol
    endpoint: Output[str]


class AlarmTopic(pulumi.ComponentResource):
    """The topic, encrypted with a key of the account, and its subscription.

    CloudWatch can't use the key that AWS manages for SNS.
    """

    arn: Output[str]

    def __init__(
        self, name: str, args: AlarmTopicArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("vaultmesh:aws:AlarmTopic", name, None, opts)
        child, place = ResourceOptions(parent=self), args.place
        prefix = name_prefix(args.environment)
        full_name = f"{prefix}{name}"
        topic = sns.Topic(
            name,
            region=place.region,
            name=full_name,
            kms_master_key_id=ALARMS_ALIAS,
            policy=policy(
                allow_alarms(place, f"{prefix}*", ("sns:Publish",), place.arn("sns", full_name))
            ),
            opts=child,
        )
        sns.TopicSubscription(
            name,
            region=place.region,
            topic=topic.arn,
            protocol=args.protocol,
            endpoint=args.endpoint,
            # PagerDuty confirms by itself. A person has to follow the link in an e-mail.
            endpoint_auto_confirms=args.protocol == "https",
            opts=child,
        )
        self.arn = topic.arn
        self.register_outputs({"arn": self.arn})
