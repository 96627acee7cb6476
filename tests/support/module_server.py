"""Forks a process for each call of a module, from one that has read them all: reading them is most of a short call.

Usage: module_server SOCKET. A connection brings {name, arguments, environment, directory, errors} and gets what the module prints.
What it says besides goes to the file ``errors``.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import socketserver
import sys
import traceback

from ansible.module_utils.testing import patch_module_args

_MODULES = "ansible_collections.runbook.compose.plugins.modules"


class ModuleCall(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """In the child: the streams and the environment of a process of its own, and Ansible's own test hook for the arguments."""
        line = self.rfile.readline()
        if not line:  # somebody looked whether we listen
            return
        asked = json.loads(line)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(self.connection.fileno(), 1)
        os.dup2(os.open(asked["errors"], os.O_WRONLY), 2)
        os.chdir(asked["directory"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        try:
            with contextlib.suppress(SystemExit), patch_module_args(asked["arguments"]):
                sys.modules[f"{_MODULES}.{asked['name']}"].main()
        except BaseException:  # told on stderr, as an interpreter does that ends by it
            traceback.print_exc()
        finally:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()


class ModuleServer(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    max_children = 200
    request_queue_size = 50


def main() -> None:
    for found in pkgutil.iter_modules(importlib.import_module(_MODULES).__path__):
        importlib.import_module(f"{_MODULES}.{found.name}")
    with ModuleServer(sys.argv[1], ModuleCall) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
