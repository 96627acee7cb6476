"""JSON lines: information on stdout, warnings and errors on stderr."""

import json
import sys
from datetime import datetime, timezone

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def utc_now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    def __init__(self, level, version):
        if level not in LEVELS:
            raise SystemExit(f"LOG_LEVEL is {level!r}: choose one of {', '.join(LEVELS)}")
        self._lowest = LEVELS[level]
        self._version = version

    def write(self, level, message, **fields):
        if LEVELS[level] < self._lowest:
            return
        stream = sys.stderr if LEVELS[level] >= LEVELS["warning"] else sys.stdout
        line = {"timestamp": utc_now(), "level": level, "version": self._version, "message": message, **fields}
        # One write per line, so that lines of parallel requests never mix.
        stream.write(json.dumps(line, default=str) + "\n")
        stream.flush()

    def debug(self, message, **fields):
        self.write("debug", message, **fields)

    def info(self, message, **fields):
        self.write("info", message, **fields)

    def warning(self, message, **fields):
        self.write("warning", message, **fields)

    def error(self, message, **fields):
        self.write("error", message, **fields)
