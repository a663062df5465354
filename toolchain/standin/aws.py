"""The part of the AWS provider that a preview needs; look-ups return placeholders."""

import base64
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime import proto

from toolchain.standin.properties import dump, load, plain
from toolchain.standin.provider import StandIn

ACCOUNT = "000000000000"
MARK = "stand-in.invalid"
"""Domain of every made-up address; `.invalid` never resolves."""


class AwsStandIn(StandIn):
    """Previews resources, answers look-ups with placeholders, refuses all changes."""

    package = "aws"
    does = "it previews with placeholders and reaches no AWS account"

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        args = plain(load(request.args))
        region = args.get("region") or self.config.get("region") or "us-east-1"
        match request.tok:
            case "aws:eks/getCluster:getCluster":
                answer = _cluster(args["name"], region)
            case "aws:index/getCallerIdentity:getCallerIdentity":
                arn = f"arn:aws:iam::{ACCOUNT}:user/stand-in"
                answer = {"accountId": ACCOUNT, "arn": arn, "id": ACCOUNT, "userId": "STANDIN"}
            case "aws:index/getRegion:getRegion":
                answer = {"id": region, "name": region, "region": region, "description": region}
            case "aws:index/getPartition:getPartition":
                answer = {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com"}
            case _:
                self.refuse(context, f"has no answer to {request.tok}")
        return proto.InvokeResponse(**{"return": dump(answer)})  # pyright: ignore[reportArgumentType]

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.preview:
            self.refuse(context, "creates nothing")
        return proto.CreateResponse(properties=request.properties)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.preview:
            self.refuse(context, "changes nothing")
        return proto.UpdateResponse(properties=request.news)

    def Delete(self, _request: Any, context: grpc.ServicerContext) -> Any:
        self.refuse(context, "deletes nothing")
        return Empty()


def _cluster(name: str, region: str) -> dict[str, Any]:
    certificate = base64.b64encode(f"{MARK}: not a certificate".encode()).decode()
    return {
        "id": name,
        "name": name,
        "region": region,
        "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}",
        "endpoint": f"https://{MARK}",
        "certificateAuthorities": [{"data": certificate}],
        "identities": [{"oidcs": [{"issuer": f"https://{MARK}/id/{name}"}]}],
        "status": "ACTIVE",
    }
