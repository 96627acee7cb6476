"""Changes to services of a swarm and the way back, with an engine that fails when it is told to."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any, Callable

import docker
import pytest
import requests
from ansible_collections.runbook.compose.plugins.module_utils._adapters.engine import Engine
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.swarm_context import Change, SwarmContext
from ansible_collections.runbook.compose.plugins.module_utils._adapters.swarm import Swarm
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import EngineFailed, OperationError
from ansible_collections.runbook.compose.plugins.module_utils._core.plan import Step
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm import with_image
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm_convergence import SwarmRollbackFailed, SwarmUpdateFailed
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm_release import ImageDigestUnknown

AWAY, OUT_OF_SEQUENCE, REFUSED = 0, 500, 400


def error(status: int) -> Exception:
    if status == AWAY:
        return requests.exceptions.ConnectionError("nobody is there")
    response = requests.Response()
    response.status_code = status
    return docker.errors.APIError("refused", response=response, explanation="refused")


class FakeSwarm:
    """What the SDK's client answers for two services of one task each. ``bad`` are images whose update the swarm gives up."""

    def __init__(self) -> None:
        self.state = {name: self._made(name) for name in ("api", "web")}
        self.bad: set[str] = set()
        self.updates: list[tuple[str, dict]] = []
        self.headers: list[dict] = []
        # Called with the number of requests of that kind so far; what it raises is what is answered.
        self.on_inspect: Callable[[int], None] = lambda count: None
        self.before_update: Callable[[int], None] = lambda count: None
        self.after_update: Callable[[int], None] = lambda count: None
        self._inspected = 0
        self._auth_configs = docker.auth.AuthConfig({"auths": {"private:5000": {"username": "ada", "password": "s3cret"}}})
        self.credstore_env = None

    def _made(self, name: str) -> dict:
        task = {"ContainerSpec": {"Image": f"private:5000/{name}:v1"}}
        spec = {"Name": f"shop_{name}", "Labels": {}, "TaskTemplate": task, "Mode": {"Replicated": {"Replicas": 1}}}
        return {"ID": name, "Version": {"Index": 10}, "Spec": spec}

    def image(self, name: str) -> str:
        return self.state[name]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]

    def set_image(self, name: str, image: str) -> None:
        """As somebody else would."""
        found = self.state[name]
        spec = with_image(found["Spec"], image)
        found.update(PreviousSpec=found["Spec"], Spec=spec, Version={"Index": found["Version"]["Index"] + 1}, UpdateStatus={"State": "completed"})

    def services(self) -> list[dict]:
        return copy.deepcopy(list(self.state.values()))

    def inspect_service(self, name: str) -> dict:
        self._inspected += 1
        self.on_inspect(self._inspected)
        return copy.deepcopy(self.state[name])

    def inspect_distribution(self, reference: str) -> dict:
        return {"Descriptor": {}}

    def nodes(self) -> list[dict]:
        return []

    def tasks(self, filters: Any = None) -> list[dict]:
        return [
            {"ID": f"t-{name}", "ServiceID": name, "DesiredState": "running", "Status": {"State": "running"}, "Spec": found["Spec"]["TaskTemplate"]}
            for name, found in copy.deepcopy(self.state).items()
        ]

    def _url(self, pattern: str, name: str) -> str:
        return name

    def _post_json(self, name: str, data: dict, params: dict, headers: dict) -> int:
        self.updates.append((name, params))
        self.headers.append(headers)
        self.before_update(len(self.updates))
        found = self.state[name]
        if params["version"] != found["Version"]["Index"]:
            return OUT_OF_SEQUENCE
        if params.get("rollback"):
            found.update(Spec=found["PreviousSpec"], UpdateStatus={"State": "rollback_completed"})
        else:
            given_up = data["TaskTemplate"]["ContainerSpec"]["Image"] in self.bad
            found.update(PreviousSpec=found["Spec"], Spec=copy.deepcopy(data), UpdateStatus={"State": "paused" if given_up else "completed"})
        found["Version"] = {"Index": found["Version"]["Index"] + 1}
        self.after_update(len(self.updates))
        return 200

    def _raise_for_status(self, status: int) -> None:
        if status != 200:
            raise error(status)


class Silent:
    def warn(self, message: str) -> None:
        raise AssertionError(message)


@pytest.fixture
def fake():
    return FakeSwarm()


def released(fake: FakeSwarm, timeout: float = 20) -> dict:
    """Both services get v2, api first."""
    params = {"stack_name": "shop", "project_dir": "/srv/shop", "state_dir": "/absent", "timeout": timeout}
    stack = Stack.from_params(params)
    context = SwarmContext(params, Silent(), Swarm(stack, Engine(fake, "unix:///fake"), settle=0))
    services = context.look_to_change(["api", "web"])
    return context.carry_out(
        [Change(service, with_image(context.spec(service), f"private:5000/{service.short}:v2"), Step("update", service.name)) for service in services]
    )


def both(fake: FakeSwarm) -> list[str]:
    return [fake.image(name).rpartition(":")[2] for name in ("api", "web")]


def once(number: int, status: int) -> Callable[[int], None]:
    def fail(count: int) -> None:
        if count == number:
            raise error(status)

    return fail


def test_the_login_goes_with_the_update_and_without_one_the_services_own_stays(fake):
    assert set(released(fake)) == {"api", "web"} and both(fake) == ["v2", "v2"]
    sent = [json.loads(base64.urlsafe_b64decode(headers["X-Registry-Auth"])) for headers in fake.headers]
    assert [(login["username"], login["password"]) for login in sent] == [("ada", "s3cret")] * 2
    without = FakeSwarm()
    without._auth_configs = docker.auth.AuthConfig({"auths": {"elsewhere:5000": {"username": "ada", "password": "s3cret"}}})
    released(without)
    assert without.headers == [{}, {}] and [params["registryAuthFrom"] for name, params in without.updates] == ["spec", "spec"]


def test_an_engine_that_is_away_for_a_moment_is_asked_again(fake):
    """T220"""

    def away(count: int) -> None:
        if count in (1, 2, 3):
            raise error(AWAY if count < 3 else 503)

    fake.on_inspect = away
    assert set(released(fake)) == {"api", "web"} and both(fake) == ["v2", "v2"]


def test_an_engine_that_stays_away_ends_the_wait_and_nothing_is_said_to_be_taken_back(fake):
    def away(count: int) -> None:
        raise error(AWAY)

    fake.on_inspect = away
    with pytest.raises(SwarmRollbackFailed, match="does not answer.*AND it could not be taken back") as failed:
        released(fake, timeout=0.5)
    assert failed.value.details["taken_back"] == []


def test_a_service_that_is_gone_is_not_waited_for(fake):
    fake.on_inspect = once(1, 404)
    with pytest.raises(EngineFailed):
        released(fake)
    assert both(fake) == ["v1", "v1"]


def test_what_the_swarm_took_is_taken_back_although_its_answer_was_lost(fake):
    """T221"""
    fake.after_update = once(2, AWAY)
    with pytest.raises(OperationError, match="does not answer") as failed:
        released(fake)
    assert both(fake) == ["v1", "v1"] and failed.value.details["taken_back"] == ["shop_api", "shop_web"]


def test_what_the_swarm_never_took_is_left_alone(fake):
    fake.before_update = once(2, REFUSED)
    with pytest.raises(EngineFailed) as failed:
        released(fake)
    assert both(fake) == ["v1", "v1"] and failed.value.details["taken_back"] == ["shop_api"]


def test_what_somebody_else_changed_meanwhile_is_not_taken_back_to_what_failed(fake):
    """T222: the specification before theirs is the one of ours that failed."""
    fake.bad = {"private:5000/web:v2"}
    seen: list[str] = []

    def by_hand(count: int) -> None:
        if fake.image("web").endswith(":v2"):
            seen.append("v2")
            if len(seen) == 2:
                fake.set_image("web", "private:5000/web:v9")

    fake.on_inspect = by_hand
    with pytest.raises(SwarmRollbackFailed, match="Somebody else changed service shop_web") as failed:
        released(fake)
    assert both(fake) == ["v1", "v9"] and failed.value.details["taken_back"] == ["shop_api"]


def test_a_service_before_is_taken_back_although_a_later_one_cannot_be(fake):
    """T223"""
    fake.bad = {"private:5000/web:v2"}
    fake.before_update = once(3, REFUSED)
    with pytest.raises(SwarmRollbackFailed, match="AND it could not be taken back") as failed:
        released(fake)
    assert both(fake) == ["v1", "v2"]
    assert (failed.value.details["taken_back"], failed.value.details["first"]) == (["shop_api"], "swarm_update_failed")


def test_a_way_back_is_asked_for_again_when_the_swarm_wrote_meanwhile(fake):
    fake.bad = {"private:5000/api:v2"}

    def written(count: int) -> None:
        if count in (2, 3):
            fake.state["api"]["Version"] = {"Index": fake.state["api"]["Version"]["Index"] + 1}

    fake.before_update = written
    with pytest.raises(SwarmUpdateFailed, match="What ran before runs again"):
        released(fake)
    assert both(fake) == ["v1", "v1"] and len(fake.updates) == 4


def test_a_registry_without_a_digest_is_refused(fake):
    stack = Stack.from_params({"stack_name": "shop", "project_dir": "/srv/shop", "state_dir": "/absent"})
    with pytest.raises(ImageDigestUnknown, match="gives no digest"):
        Swarm(stack, Engine(fake, "unix:///fake")).digest("private:5000/api:v2")
