"""The plugin's entry point: `python -m toolchain.standin kubernetes|aws VERSION ENGINE_ADDRESS`."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from toolchain.standin.aws import AwsStandIn
from toolchain.standin.kubernetes import KubernetesStandIn
from toolchain.standin.provider import MESSAGE_LIMIT

PROVIDERS = {"kubernetes": KubernetesStandIn, "aws": AwsStandIn}


def main() -> None:
    """Serve a provider on loopback until the engine exits; print only the port."""
    started_by = os.getppid()
    package, version, engine = sys.argv[1:4]
    server = grpc.server(ThreadPoolExecutor(), options=MESSAGE_LIMIT)
    servicer = PROVIDERS[package](version, engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while os.getppid() == started_by and server.wait_for_termination(timeout=1):
        pass
    server.stop(grace=None)


if __name__ == "__main__":
    main()
