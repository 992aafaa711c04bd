"""docker-compose.yml, Dockerfile and .env.example agree with the settings and with docs/administration.md."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = ("migrate", "web", "worker", "sweeper")
NAME = re.compile(r"\bCONCORD_[A-Z_]+\b")
ONLY_COMPOSE = {"CONCORD_PORT"}
ONLY_TESTS = {"CONCORD_NOTHING_SKIPPED", "CONCORD_TEST_ROOT"}
SECRETS = ("CONCORD_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")


def names_in(*files):
    return {name for file in files for name in NAME.findall((ROOT / file).read_text(encoding="utf-8"))}


def settings_read():
    """Names that the settings read through their typed readers."""
    reads = re.compile(r"read_\w+\(\s*\"(CONCORD_[A-Z_]+)\"")
    modules = [ROOT / "meta_app" / "settings" / f"{name}.py" for name in ("base", "local", "production")]
    return {name for module in modules for name in reads.findall(module.read_text(encoding="utf-8"))} | {
        "CONCORD_DATABASE_URL",
        "CONCORD_BROKER_URL",
    }


def test_the_compose_file_names_only_settings_that_exist():
    assert names_in("docker-compose.yml", "Dockerfile", ".env.example") - settings_read() - ONLY_COMPOSE == set()


def test_the_handbook_explains_exactly_the_settings_that_exist():
    explained = set(re.findall(r"^\| `(CONCORD_[A-Z_]+)` \|", (ROOT / "docs" / "administration.md").read_text(), re.M))
    assert explained == settings_read() | ONLY_COMPOSE


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_starts_without_this_secret(secret):
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    uses = re.findall(rf"\$\{{{secret}([^}}]*)\}}", text)
    assert uses
    assert all(use.startswith(":?") for use in uses)
    assert re.search(rf"^{secret}=$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_run_without_rights_they_do_not_need(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert re.search(r"^USER concord$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("name", sorted(set(COMPOSE["services"]) - {"migrate"}))
def test_every_lasting_service_has_a_health_check(name):
    assert COMPOSE["services"][name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_the_stores_have_no_root_no_port_and_a_named_volume(name):
    service = COMPOSE["services"][name]
    assert service["user"] not in {"root", "0"}
    assert "ports" not in service
    assert service["volumes"]
    assert all(volume.split(":")[0] in COMPOSE["volumes"] for volume in service["volumes"])


def test_the_services_wait_for_the_migration():
    for name in ("web", "worker", "sweeper"):
        assert COMPOSE["services"][name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_management_commands_named_by_the_compose_file_exist():
    commands = [COMPOSE["services"][name]["command"][2] for name in ("migrate", "sweeper")]
    known = subprocess.run(
        [sys.executable, "manage.py", "help", "--commands"], cwd=ROOT, env=settings(), capture_output=True, text=True
    ).stdout.split()
    assert set(commands) <= set(known)


def settings(**changes):
    """Environment of a well-configured team server, with changes; None takes a variable away."""
    good = {
        "DJANGO_SETTINGS_MODULE": "meta_app.settings.production",
        "CONCORD_SECRET_KEY": "Zq3m-for-this-test-alone-8sHk2LxWv7RtYp0BnCdEfGjQaUiOe",
        "CONCORD_DATABASE_URL": "postgresql://concord:a-password@postgres:5432/concord",
        "CONCORD_BROKER_URL": "redis://:a-password@redis:6379/0",
        "CONCORD_HOSTS": "concord.example.org",
    }
    wanted = {**os.environ, **good, **changes}
    return {name: value for name, value in wanted.items() if value is not None}


def start(code="print(settings.DEBUG, settings.SESSION_COOKIE_SECURE)", **changes):
    code = f"from django.conf import settings; {code}"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=settings(**changes), capture_output=True, text=True, check=False
    )


def test_good_settings_start_without_debug_and_with_secure_cookies():
    assert start().stdout.split() == ["False", "True"]


def test_people_are_told_apart_by_the_address_their_one_proxy_saw():
    assert start("print(settings.PROXIES, settings.AXES_CLIENT_IP_CALLABLE)").stdout.split() == [
        "1",
        "meta_app.common.proxies.client_address",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONCORD_PROXIES", "-1"),
        ("CONCORD_PROXIES", "one"),
        ("CONCORD_SECRET_KEY", None),
        ("CONCORD_SECRET_KEY", "short"),
        ("CONCORD_SECRET_KEY", "change-me-" * 6),
        ("CONCORD_DATABASE_URL", None),
        ("CONCORD_DATABASE_URL", "postgresql://concord:change-me@postgres:5432/concord"),
        ("CONCORD_BROKER_URL", None),
        ("CONCORD_BROKER_URL", "redis://:change-me@redis:6379/0"),
        ("CONCORD_HOSTS", None),
    ],
)
def test_a_team_server_refuses_to_start_with_a_missing_default_or_senseless_setting(name, value):
    refused = start(**{name: value})
    assert refused.returncode != 0
    assert name in refused.stderr
    assert "ImproperlyConfigured" in refused.stderr
