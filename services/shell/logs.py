"""Logs: one JSON object a line on stderr."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}


def configure_logs(service: str, level: str) -> None:
    """Send every logger's records to stderr: ts (RFC 3339), level, service, message, fields.

    `fields` are the keyword arguments of a call: `log.info("a peer is silent", extra={"peer": p})`.
    An exception is logged by its type and the places it went through; its text is left out, for it
    may quote a body or a secret.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(service))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # They report every request and every start, which metrics and this program's own lines do.
    for name in ("uvicorn", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
        }
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[0]:
            fields["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            fields["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        if fields:
            line["fields"] = fields
        return json.dumps(line, ensure_ascii=False, default=str)
