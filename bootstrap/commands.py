"""serve, setup and once."""

import argparse
import json
import os
import subprocess
import time
import urllib.error
import urllib.request

from bootstrap.installation import NO_SPACE, install, last_line
from bootstrap.locks import alone_on_data
from bootstrap.places import ROOT, Places, manage_command
from bootstrap.refusals import Refusal, full_disk_sentence, refuse_busy_port, say
from bootstrap.supervision import Supervisor, background_children, web_child

READY_SECONDS = 90


def default_workers() -> int:
    """One run at a time takes every core; machines with many cores compute two."""
    return 1 if (os.cpu_count() or 1) < 6 else 2


def serve(options: argparse.Namespace) -> int:
    places = Places(options.data)
    refuse_busy_port(options.port)
    places.make()
    address = f"http://127.0.0.1:{options.port}"  # where it listens; localhost may be ::1
    with alone_on_data(places, address):
        install("base")
        environment = places.environment(options.workers)
        prepare(places, environment, options.demo)
        try:
            with Supervisor(places, environment, [web_child(options.port)]) as supervisor:
                wait_until_ready(supervisor, address)
                # Started last, so that the pages need not share the cores with them on the way up.
                supervisor.children += background_children(options.workers)
                greet(places, address)
                while True:
                    supervisor.check()
                    time.sleep(0.5)
        except KeyboardInterrupt:
            say("Stopped. Everything is kept; a run that was being computed goes on at the next start.")
    return 0


def setup(options: argparse.Namespace) -> int:
    places = Places(options.data)
    places.make()
    with alone_on_data(places, "setting up"):
        install("base")
        prepare(places, places.environment(), demo=False)
    say("Installed and migrated. Start Concord with: python run.py")
    return 0


def once(options: argparse.Namespace) -> int:
    """The demo analysis, asked for by one process and computed by another."""
    places = Places(options.data)
    places.make()
    with alone_on_data(places, "computing the demo analysis"):
        install("base")
        environment = places.environment(options.workers)
        prepare(places, environment, demo=True)
        with Supervisor(places, environment, background_children(options.workers)) as supervisor:
            code = supervise_until_done(supervisor, manage_command("run_demo"), environment)
    if code:
        say(f"The demo analysis did not succeed; the workers' own words are in {places.logs}.")
    return code


def supervise_until_done(supervisor: Supervisor, command: list[str], environment: dict[str, str]) -> int:
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        while process.poll() is None:
            supervisor.check()
            time.sleep(0.2)
    finally:
        if process.poll() is None:
            process.terminate()
        code = process.wait()
    return code


def prepare(places: Places, environment: dict[str, str], demo: bool) -> None:
    """Migrate the database and load the demo projects once; a deleted demo project does not come back."""
    manage(places, environment, "migrate", "--noinput", "--skip-checks")
    if demo and not places.accounts.exists():
        say("Loading the demo projects ...")
        manage(places, environment, "load_demo")


def manage(places: Places, environment: dict[str, str], *arguments: str) -> None:
    log = places.logs / "setup.log"
    result = subprocess.run(
        manage_command(*arguments),
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    with log.open("a", encoding="utf-8") as handle:
        handle.write(f"{' '.join(arguments)}\n{result.stdout}\n")
    if result.returncode and NO_SPACE.search(result.stdout):
        raise Refusal(full_disk_sentence(places.data))
    if result.returncode:
        raise Refusal(f"{arguments[0]} failed: {last_line(result.stdout)} (all of it in {log}).")


def wait_until_ready(supervisor: Supervisor, address: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not answers(address):
        supervisor.check()
        if time.monotonic() > deadline:
            log = supervisor.places.logs / "web.log"
            raise Refusal(f"The web server did not answer within {READY_SECONDS} s: see {log}.")
        time.sleep(0.1)


def answers(address: str) -> bool:
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would ask its own localhost
    try:
        with straight.open(f"{address}/health/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def greet(places: Places, address: str) -> None:
    say(f"\nConcord is ready: {address}")
    if places.accounts.exists():
        say(f"Demo accounts (kept in {places.accounts}, readable by you only):")
        for name, password in json.loads(places.accounts.read_text(encoding="utf-8")).items():
            say(f"  {name:<18}{password}")
    say(f"Data: {places.data}   Logs: {places.logs}   Stop: Ctrl-C\n")
