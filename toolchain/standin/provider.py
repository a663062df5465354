"""Base class of the stand-ins: notice, refusals, comparison, and calls that echo their input."""

import threading
from collections.abc import Iterable
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime import proto
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from toolchain.standin.properties import differences, format_path, load, plain

MESSAGE_LIMIT = [("grpc.max_receive_message_length", 400 << 20)]
"""In bytes; the same as the engine's limit."""

# The SDK's provider.experimental adds a Python traceback to every error. Errors must be one line
# here, so this module implements the protocol itself.


class StandIn:
    """A provider plugin, called by the engine over gRPC; see Pulumi's provider.proto."""

    package: str
    does: str
    """Describes the stand-in in its notice to the user."""

    def __init__(self, version: str, engine: str) -> None:
        self.version = version
        self.engine = engine
        self.config: dict[str, str] = {}
        self._said = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """Answer undefined calls with gRPC's status UNIMPLEMENTED."""
        if not name[:1].isupper():
            raise AttributeError(name)

        def unimplemented(_request: Any, context: grpc.ServicerContext) -> NoReturn:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{name} is not part of the stand-in")

        return unimplemented

    def refuse(self, context: grpc.ServicerContext, why: str) -> NoReturn:
        """Abort the call with one line: the refusal, and how to get the official plugin."""
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"the stand-in for the {self.package} provider {why}. {self._remedy()}",
        )

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return proto.PluginInfo(version=self.version)

    def CheckConfig(self, request: Any, _context: Any) -> Any:
        return proto.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, _context: Any) -> Any:
        changed = [format_path(path[:1]) for path, _ in _config_differences(request)]
        return proto.DiffResponse(
            changes=_changes(bool(changed)), diffs=changed, replaces=self.config_replaces(changed)
        )

    def config_replaces(self, changed: list[str]) -> list[str]:
        """The changed provider settings that force replacement of all the provider's resources."""
        return []

    def Configure(self, request: Any, _context: Any) -> Any:
        prefix = f"{self.package}:config:"
        self.config = {key.removeprefix(prefix): value for key, value in request.variables.items()}
        self._notice()
        return proto.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, _context: Any) -> Any:
        return proto.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, _context: Any) -> Any:
        old, new = plain(load(request.old_inputs)), plain(load(request.news))
        found = {
            path: kind
            for path, kind in differences(old, new)
            if not _within(format_path(path), request.ignoreChanges)
        }
        replaces = [path for path in found if self.replaces(new, path)]
        return proto.DiffResponse(
            changes=_changes(bool(found)),
            replaces=[format_path(path) for path in replaces],
            deleteBeforeReplace=bool(replaces) and self.same_place(old, new),
            hasDetailedDiff=True,
            detailedDiff={
                format_path(path): _property_diff(kind, path in replaces)
                for path, kind in found.items()
            },
        )

    def replaces(self, new: dict[str, Any], path: tuple[str | int, ...]) -> bool:
        """Whether a change at `path` requires replacement of the resource."""
        return False

    def same_place(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        """Whether the old object must be deleted before the new one is created."""
        return False

    def Read(self, request: Any, _context: Any) -> Any:
        return proto.ReadResponse(
            id=request.id, properties=request.properties, inputs=request.inputs
        )

    def Cancel(self, _request: Any, _context: Any) -> Any:
        return Empty()

    def _remedy(self) -> str:
        return (
            f"To get the official one, run `pulumi plugin install resource {self.package} "
            f"{self.version}` where the network allows it."
        )

    def _notice(self) -> None:
        if not self._said.acquire(blocking=False):
            return
        message = (
            f"a stand-in takes the place of the {self.package} provider: {self.does}. "
            f"{self._remedy()}"
        )
        with grpc.insecure_channel(self.engine) as channel:
            request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message)
            engine_pb2_grpc.EngineStub(channel).Log(request)


def _config_differences(request: Any) -> list[Any]:
    return list(differences(plain(load(request.olds)), plain(load(request.news))))


def _within(path: str, parents: Iterable[str]) -> bool:
    return any(
        path == parent or path.startswith((f"{parent}.", f"{parent}[")) for parent in parents
    )


def _changes(changed: bool) -> Any:
    kinds = proto.DiffResponse
    return kinds.DIFF_SOME if changed else kinds.DIFF_NONE


def _property_diff(kind: str, replaces: bool) -> Any:
    name = f"{kind}_REPLACE" if replaces else kind
    return proto.PropertyDiff(kind=proto.PropertyDiff.Kind.Value(name))
