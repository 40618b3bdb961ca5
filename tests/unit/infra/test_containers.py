"""The container files agree with the code, with each other, and with what lints them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from compose_file import COMPOSE, DOCKERFILE, IMAGE, MissingVariable, image, loaded, ours

from contex.local.kafka_config import BrokerPorts, server_properties
from contex.settings.catalogue import BY_NAME
from contex.settings.reading import problem
from contex.telemetry.metrics import described

ROOT = COMPOSE.parent
OPERATING = ROOT / "docs/operating.md"
BIN = Path(sys.executable).parent
SET = {"CONTEX_SECRET_KEYS": f"{'A' * 43}="}
FOREIGN_METRICS = {"up", "process_start_time_seconds"}
OF_DEV_ALONE = {
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "log.cleaner.dedupe.buffer.size",
    "num.io.threads",
    "num.network.threads",
}
DIFFERENT = {
    "advertised.listeners",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dirs",
}


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "--failure-threshold", "style", str(DOCKERFILE)],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
    ],
    ids=lambda command: command[0],
)
def test_a_linter_finds_nothing(command: list[str]) -> None:
    ran = subprocess.run(
        [str(BIN / command[0]), *command[1:]], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_without_secret_keys_it_fails_and_says_how_to_make_one() -> None:
    with pytest.raises(MissingVariable, match=r"CONTEX_SECRET_KEYS is not set\. Make a key as"):
        loaded({})
    assert "Fernet.generate_key()" in OPERATING.read_text()


def test_a_service_is_told_settings_of_the_catalogue_and_right_ones() -> None:
    for service in ours(SET).values():
        told = {name: text for name, text in service.environment.items() if name in BY_NAME}
        rest = service.environment.keys() - told.keys()
        assert not {name for name in rest if name.startswith(("CONTEX", "KAFKA", "QDRANT"))}
        wrong = {name: problem(BY_NAME[name], text) for name, text in told.items() if text}
        assert {name: one for name, one in wrong.items() if one} == {}, service.name


@pytest.mark.parametrize("name", ["gateway", "routing", "webhooks"])
def test_a_service_is_told_where_everything_is_that_it_reads(name: str) -> None:
    told = ours(SET)[name].environment.keys()
    needed = {
        setting.name
        for setting in BY_NAME.values()
        if name in setting.readers and setting.name.startswith(("KAFKA", "SCHEMA", "QDRANT"))
    }
    assert needed - told == {"QDRANT_API_KEY"} & needed


def test_variables_of_the_file_are_settings_that_a_person_may_choose() -> None:
    named = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert named - {"CONTEX_VERSION"} <= BY_NAME.keys()


def test_our_containers_run_with_the_least_they_need() -> None:
    for name, one in loaded(SET)["services"].items():
        limits = one["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} == set(limits), name
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", one["image"]), f"{name} is not pinned by a tag"
        assert "latest" not in one["image"]
        for port in one.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name} is open to others"
        if one["image"].startswith(f"{IMAGE}:"):
            assert (one["read_only"], one["cap_drop"], one["tmpfs"]) == (True, ["ALL"], ["/tmp"])
            assert one["security_opt"] == ["no-new-privileges:true"]


def test_whoever_is_awaited_can_be() -> None:
    services = loaded(SET)["services"]
    for name, one in services.items():
        depends = one.get("depends_on", {})
        for other, how in depends.items() if isinstance(depends, dict) else ():
            awaited = services[other]
            healthy = "healthcheck" in awaited or awaited["image"].startswith(f"{IMAGE}:")
            if how["condition"] == "service_healthy":
                assert healthy, f"{name} waits for the health of {other}, which has no check"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert awaited["restart"] == "on-failure", other


def test_kafka_is_set_as_the_embedded_one_is() -> None:
    text = server_properties(logs=Path("/"), ports=BrokerPorts(1, 2))
    embedded = dict(line.split("=", 1) for line in text.splitlines())
    told = loaded(SET)["services"]["kafka"]["environment"]

    assert embedded.keys() > OF_DEV_ALONE | DIFFERENT
    for name, expected in embedded.items():
        variable = f"KAFKA_{name.upper().replace('.', '_')}"
        if name in OF_DEV_ALONE:
            assert variable not in told
        elif name in DIFFERENT:
            assert told[variable] != expected
        else:
            assert told[variable] == expected, name


def test_the_image_is_unprivileged_and_quiet() -> None:
    text = DOCKERFILE.read_text()
    environment, check, command = image()

    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", text, re.MULTILINE)
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert (check, command) == (
        ["python", "-m", "contex.telemetry.probe"],
        ["python", "-m", "gateway"],
    )
    assert {one for one in environment if one.startswith("CONTEX")} <= BY_NAME.keys()


def test_a_change_of_the_code_does_not_install_what_it_needs_again() -> None:
    text = DOCKERFILE.read_text()
    build = text[: text.rindex("\nFROM ")]
    before, after = build.split("\nCOPY . .\n")
    assert re.findall(r"^COPY (\S+) ", before, re.MULTILINE) == [
        "requirements.lock",
        "infra/docker",
    ]
    assert "dependencies.sh /src /opt/contex" in before
    assert "install.sh /src /opt/contex" in after


def test_a_tool_of_the_broker_does_not_take_the_brokers_heap() -> None:
    kafka = loaded(SET)["services"]["kafka"]
    assert "-Xms512m" in kafka["environment"]["KAFKA_HEAP_OPTS"]
    kind, command = kafka["healthcheck"]["test"]
    assert (kind, command.split()[0]) == ("CMD-SHELL", "KAFKA_HEAP_OPTS=-Xmx64m")


def test_programs_of_this_host_find_the_registry_beside_kafka() -> None:
    """The schemas' ids are the registry's: who writes without it writes dead letters."""
    services = loaded(SET)["services"]
    path = services["gateway"]["environment"]["SCHEMA_REGISTRY_URL"].removeprefix(
        "http://registry:8080"
    )
    [port] = services["registry"]["ports"]
    assert port == "127.0.0.1:8081:8080"
    assert f"SCHEMA_REGISTRY_URL=http://127.0.0.1:8081{path}" in OPERATING.read_text()


def test_every_variable_of_env_that_the_file_reads_is_named_where_it_is_explained() -> None:
    named = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text())) & BY_NAME.keys()
    [told] = re.findall(
        r"^- \*\*`\.env`\*\* (.*?)\n- ", OPERATING.read_text(), re.DOTALL | re.MULTILINE
    )
    assert set(re.findall(r"`(CONTEX_[A-Z_]+)`", told)) == named


def test_who_reaches_grafana_cannot_change_it() -> None:
    told = loaded(SET)["services"]["grafana"]["environment"]
    assert told["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert told["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert told["GF_AUTH_BASIC_ENABLED"] == "false", "admin:admin may change everything"


def test_every_service_that_goes_on_has_a_health_check() -> None:
    for name, one in loaded(SET)["services"].items():
        ours = one["image"].startswith(f"{IMAGE}:")
        assert ours or "test" in one["healthcheck"], name
        assert not one.get("healthcheck", {}).get("disable") or one["restart"] == "on-failure", name


def test_the_image_leaves_out_what_only_the_embedded_stack_needs() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements.lock").read_text())
    via = {block.split("==")[0]: _askers(block) for block in blocks}
    project = (ROOT / "pyproject.toml").read_text()
    [local] = re.findall(r"^local = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    dropped = set(re.findall(r'"([a-z0-9-]+)[>=]', local))
    while more := {one for one, askers in via.items() if askers and askers <= dropped} - dropped:
        dropped |= more

    script = (ROOT / "infra/docker/dependencies.sh").read_text()
    [listed] = re.findall(r"^local_only='(.*)'$", script, re.MULTILINE)
    assert set(listed.split("|")) == dropped


def _askers(block: str) -> set[str]:
    return set(re.findall(r"^    #(?: via)? +(?!via$)(\S+)", block, re.MULTILINE))


def test_prometheus_scrapes_every_process_of_ours_where_it_answers() -> None:
    config = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())
    scraped = {
        (name, found["port"])
        for job in config["scrape_configs"]
        for found in job["dns_sd_configs"]
        for name in found["names"]
    }
    answering = {
        (name, int(one.environment.get("CONTEX_HEALTH_PORT") or one.environment["CONTEX_PORT"]))
        for name, one in ours(SET).items()
        if one.check is not None
    }
    assert scraped == answering


def rules() -> dict[str, str]:
    """Return what each alert watches, by its name."""
    groups = yaml.safe_load((ROOT / "infra/prometheus/alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def test_alerts_watch_metrics_that_exist() -> None:
    names = {one.name for one in described()}
    for rule, expression in rules().items():
        used = set(re.findall(r"\b(?:contex|process)_[a-z_]+\b|\bup\b", expression))
        assert used, rule
        assert {one.removesuffix("_total") for one in used} <= names | FOREIGN_METRICS, rule


def test_a_kind_of_process_of_which_none_is_left_is_noticed() -> None:
    """A container that has stopped is not scraped as down: its name is no longer there."""
    config = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())
    jobs = {job["job_name"] for job in config["scrape_configs"]}
    assert set(re.findall(r'absent\(up\{job="(\w+)"\}\)', rules()["ContexProcessDown"])) == jobs


def test_the_first_increase_of_a_counter_with_labels_is_noticed() -> None:
    """Its series begins with that increase, of which `increase` alone sees nothing."""
    for name, expression in rules().items():
        for counter in re.findall(r"increase\((\w+)\[(?:\w+)\]\)", expression):
            assert f"{counter} unless {counter} offset" in expression, name


def test_grafana_is_given_the_dashboard_and_where_the_metrics_are() -> None:
    services = loaded(SET)["services"]
    folder = ROOT / "infra/grafana/provisioning"
    source = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((folder / "dashboards/contex.yml").read_text())["providers"][0]

    assert source["url"] == "http://prometheus:9090"
    assert source["uid"] == "prometheus"
    mounts = dict(one.split(":")[:2] for one in services["grafana"]["volumes"])
    assert mounts["./infra/grafana/contex.json"] == provider["options"]["path"]
    for one in (*mounts, "./infra/prometheus"):
        assert (ROOT / one).exists(), one
