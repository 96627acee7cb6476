"""Counters and a summary in the text format of Prometheus."""

import threading
from collections import Counter, deque

QUANTILES = (0.5, 0.95, 0.99)


class Metrics:
    def __init__(self, prefix, version):
        self._prefix = prefix
        self._version = version
        self._lock = threading.Lock()
        self._by_status = Counter()
        self._recent = deque(maxlen=2000)
        self._seconds = 0.0
        self.in_flight = 0

    def started(self):
        with self._lock:
            self.in_flight += 1

    def finished(self):
        with self._lock:
            self.in_flight -= 1

    def answered(self, status, seconds):
        with self._lock:
            self._by_status[status] += 1
            self._recent.append(seconds)
            self._seconds += seconds

    def render(self, breaker_state=None):
        with self._lock:
            by_status, recent, seconds = dict(self._by_status), sorted(self._recent), self._seconds
            in_flight = self.in_flight
        p = self._prefix
        server_errors = sum(count for status, count in by_status.items() if status >= 500)
        lines = [f"# TYPE {p}_requests_total counter"]
        lines += [f'{p}_requests_total{{status="{status}"}} {count}' for status, count in sorted(by_status.items())]
        lines += [
            f"# TYPE {p}_requests_5xx_total counter",
            f"{p}_requests_5xx_total {server_errors}",
            f"# TYPE {p}_request_errors_total counter",
            f"{p}_request_errors_total {server_errors}",
            f"# TYPE {p}_requests_429_total counter",
            f"{p}_requests_429_total {by_status.get(429, 0)}",
            f"# TYPE {p}_request_duration_seconds summary",
        ]
        for quantile in QUANTILES:
            value = recent[min(len(recent) - 1, int(quantile * len(recent)))] if recent else 0
            lines.append(f'{p}_request_duration_seconds{{quantile="{quantile}"}} {value:.6f}')
        lines += [
            f"{p}_request_duration_seconds_sum {seconds:.6f}",
            f"{p}_request_duration_seconds_count {sum(by_status.values())}",
            f"# TYPE {p}_requests_in_flight gauge",
            f"{p}_requests_in_flight {in_flight}",
            "# TYPE app_info gauge",
            f'app_info{{version="{self._version}"}} 1',
        ]
        if breaker_state is not None:
            lines += ["# TYPE circuit_breaker_state gauge", f"circuit_breaker_state {breaker_state}"]
        return "\n".join(lines) + "\n"
