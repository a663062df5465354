"""The stand-in for the AWS plugin in a rehearsal: `python -m toolchain.aws_standin ADDRESS`.

It answers for resources and look-ups with marked placeholders, which a rehearsal keeps in its own
state. It creates nothing in AWS and reaches no account. The argument is the address of the engine.
"""

import importlib.metadata
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import proto
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2_grpc

ACCOUNT = "000000000000"
MARK = "stand-in.invalid"
"""Domain of every made-up address; `.invalid` never resolves."""
NOTICE = (
    "a stand-in takes the place of the AWS provider in this rehearsal: it answers with "
    "placeholders, creates nothing in AWS and reaches no account"
)


class AwsStandIn:
    """A provider plugin, called by the engine over gRPC; see Pulumi's provider.proto."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.region = ""

    def __getattr__(self, name: str) -> Any:
        """Answer all other calls with gRPC's status UNIMPLEMENTED."""
        if not name[:1].isupper():
            raise AttributeError(name)

        def unimplemented(_request: Any, context: grpc.ServicerContext) -> NoReturn:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the AWS stand-in has no {name}")

        return unimplemented

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return proto.PluginInfo(version=importlib.metadata.version("pulumi-aws"))

    def CheckConfig(self, request: Any, _context: Any) -> Any:
        return proto.CheckResponse(inputs=request.news)

    def Configure(self, request: Any, _context: Any) -> Any:
        self.region = request.variables.get("aws:config:region", "")
        with grpc.insecure_channel(self.engine) as channel:
            notice = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=NOTICE)
            engine_pb2_grpc.EngineStub(channel).Log(notice)
        return proto.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, _context: Any) -> Any:
        return proto.CheckResponse(inputs=request.news)

    def Create(self, request: Any, _context: Any) -> Any:
        known = self._computed(request.type, request.name)
        request.properties.update(known)
        identity = "" if request.preview else f"{request.name}.{MARK}"
        return proto.CreateResponse(id=identity, properties=request.properties)

    def Diff(self, request: Any, _context: Any) -> Any:
        same = request.news == request.old_inputs
        verdict = proto.DiffResponse.DIFF_NONE if same else proto.DiffResponse.DIFF_SOME
        return proto.DiffResponse(changes=verdict)

    def Update(self, request: Any, _context: Any) -> Any:
        request.news.update(self._computed(request.type, request.name))
        return proto.UpdateResponse(properties=request.news)

    def Delete(self, _request: Any, _context: Any) -> Any:
        return Empty()

    def _computed(self, kind: str, name: str) -> dict[str, str]:
        """What AWS would compute; a program reads only the properties that its resource has."""
        service = kind.split(":")[1].partition("/")[0]
        return {
            "arn": f"arn:aws:{service}:{self.region}:{ACCOUNT}:{name}.{MARK}",
            "associationId": MARK,
            "prometheusEndpoint": f"https://{MARK}/workspaces/{name}/",
        }

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        args = json_format.MessageToDict(request.args)
        region = args.get("region") or self.region or "us-east-1"
        match request.tok:
            case "aws:eks/getCluster:getCluster":
                answer = _cluster(args["name"], region)
            case "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider":
                answer = self._computed(request.tok, "provider")
            case "aws:amp/getWorkspace:getWorkspace":
                answer = self._computed(request.tok, args["workspaceId"])
            case "aws:index/getCallerIdentity:getCallerIdentity":
                arn = f"arn:aws:iam::{ACCOUNT}:user/stand-in"
                answer = {"accountId": ACCOUNT, "arn": arn, "id": ACCOUNT, "userId": "STANDIN"}
            case "aws:index/getRegion:getRegion":
                answer = {"id": region, "name": region, "region": region, "description": region}
            case "aws:index/getPartition:getPartition":
                answer = {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com"}
            case "aws:kms/getAlias:getAlias":
                answer = {"id": args["name"], "name": args["name"]}
            case "aws:iam/getPolicy:getPolicy":
                answer = {"id": args["arn"], "arn": args["arn"]}
            case _:
                _refuse(context, f"has no answer to {request.tok}")
        found = json_format.ParseDict(answer, Struct())
        return proto.InvokeResponse(**{"return": found})  # pyright: ignore[reportArgumentType]

    def Cancel(self, _request: Any, _context: Any) -> Any:
        return Empty()


def _refuse(context: grpc.ServicerContext, why: str) -> NoReturn:
    """Abort the call with one line: the refusal and the remedy."""
    context.abort(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"the stand-in for the AWS provider {why}. Run `pulumi login` to work with AWS itself.",
    )


def _cluster(name: str, region: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "region": region,
        "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}",
        "endpoint": f"https://{MARK}",
        "identities": [{"oidcs": [{"issuer": f"https://{MARK}/id/{name}"}]}],
        "status": "ACTIVE",
    }


def main() -> None:
    """Serve on loopback until the engine exits; print only the port."""
    started_by = os.getppid()
    server = grpc.server(ThreadPoolExecutor())
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsStandIn(sys.argv[1]), server)  # pyright: ignore[reportArgumentType]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while os.getppid() == started_by and server.wait_for_termination(timeout=1):
        pass
    server.stop(grace=None)


if __name__ == "__main__":
    main()
