"""The command line: `app serve`, `app migrate status`, `app migrate deploy` (`app healthcheck` is in app.sh)."""

import signal
import sys
import threading
import time

from . import migrations, settings
from .logs import Log

LARGEST_LEAK_MB = 1024  # a host without a memory limit must survive the leaky image


def leak(megabytes_per_second):
    kept = []
    while len(kept) < LARGEST_LEAK_MB:
        kept.append(b"x" * 1024 * 1024)
        time.sleep(1 / megabytes_per_second)
    time.sleep(3600)


def serve():
    chosen = settings.read()
    log = Log(chosen.log_level, chosen.version)
    if chosen.behaviour == "exit":
        log.error("cannot start: this version is broken")
        return 1
    # Imported here: the database and Redis libraries take longer to load than the commands above need to run.
    from .metrics import Metrics
    from .service import Service
    from .web import Server

    service = Service(chosen, Metrics(chosen.metric_prefix, chosen.version), log)
    server = Server(chosen, service, log)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    if chosen.behaviour == "leak":
        threading.Thread(target=leak, args=(chosen.leak_mb_per_second,), daemon=True).start()
    log.info("listening", port=chosen.port, behaviour=chosen.behaviour)
    stop.wait()
    log.info("stopping", in_flight=service.metrics.in_flight)
    if not server.drain():
        log.warning("stopped with requests in flight", in_flight=service.metrics.in_flight)
    service.close()
    log.info("stopped")
    return 0


def main(arguments):
    if arguments in ([], ["serve"]):
        return serve()
    if arguments in (["migrate", "status"], ["migrate", "deploy"]):
        return migrations.main(arguments[1], settings.database())
    sys.stderr.write("usage: app serve | migrate status | migrate deploy | healthcheck\n")
    return 2


sys.exit(main(sys.argv[1:]))
