#!/usr/bin/python3
"""Measures a cluster of one, two and three hosts on this machine, and what clients see when a node dies: see README.md.
Environment: BIN. Leaves report.md and stall.svg in build/bench-cluster."""
import http.client
import math
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/bench"))
# pylint: disable=wrong-import-position
from measure import Load, ask, free_ports  # noqa: E402
from report import table  # noqa: E402

WORK = ROOT / "build/bench-cluster"
ROUNDS, SECONDS = 3, 4
RATE, CLIENTS, WATCHED = 100, 400, 20
KNOWN = "18800000000"
PASSWORD = "correct horse 42"
REGIST = '{"phone":"PHONE","password":"%s","code":"123456"}' % PASSWORD
LOGIN = '{"phone":"PHONE","password":"%s"}' % PASSWORD

environment = {
    **os.environ, "CLUSTER": str(WORK / "state"), "PORT": str(free_ports(30)), "WORKERS": "4", "FAST_WORKERS": "4",
    "CONF": str(ROOT / "conf/development.conf"), "LIMITS": "off",
    # Hashes with production's cost would take both cores, and hide what replication costs.
    "USERS_FCGI_PASSWORD_ARGON2_MEMORY": "64", "USERS_FCGI_PASSWORD_ARGON2_PASSES": "1", "USERS_FCGI_LOG_LEVEL": "info",
}
base = f"http://127.0.0.1:{environment['PORT']}/users/"


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def cluster(*arguments):
    done = subprocess.run([ROOT / "scripts/cluster", *arguments], env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: cluster {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


def rates(hosts):
    """Medians of requests a second, by question."""
    found = {"regist": [], "login": [], "auth": []}
    token = ask(base + "login", LOGIN.replace("PHONE", KNOWN))[1].split('"token":"')[1].split('"')[0]
    for _ in range(ROUNDS):
        first = Load.next_number
        for name, seconds, *request in (("auth", SECONDS, "GET", "-", token), ("regist", 2 * SECONDS, "POST", REGIST),
                                        ("login", SECONDS, "POST", LOGIN)):
            # The accounts that this round registered log in.
            if name == "login":
                Load.next_number = first
            result = Load(base + name, *request, seconds=seconds).result()
            if result["errors"]:
                raise SystemExit(f"bench: {result['errors']:.0f} errors of {name} with {hosts} hosts")
            found[name].append(result["rate"])
    return {name: statistics.median(values) for name, values in found.items()}


def latencies(kill):
    """Registrations at a fixed rate; `kill` is called after a quarter of the time. Returns its time, and (when due, seconds, whether
    it succeeded) of each request."""
    start = time.monotonic()
    found, next_one, lock = [], [0], threading.Lock()

    def client():
        connection = http.client.HTTPConnection("127.0.0.1", int(environment["PORT"]), timeout=30)
        while True:
            with lock:
                i = next_one[0]
                next_one[0] += 1
            due = start + i / RATE
            if due > start + WATCHED:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            # Numbers that wrk does not use.
            body = REGIST.replace("PHONE", str(19900000000 + i))
            try:
                connection.request("POST", "/users/regist", body, {"Content-Type": "application/json"})
                right = b'"code":0' in connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
                right = False
            # Since it was due, whether or not a client was free.
            found.append((due - start, time.monotonic() - due, right))

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, start + WATCHED / 4 - time.monotonic()))
    killed = time.monotonic() - start
    kill()
    for thread in threads:
        thread.join()
    return killed, found


def picture(killed, found):
    """A dot for each request: when it was sent, and how long it took (logarithmic)."""
    left, top, width, height = 70, 20, 640, 260
    low, high = math.log10(0.001), math.log10(10)

    def place(seconds, latency):
        return left + seconds / WATCHED * width, top + height - (math.log10(latency) - low) / (high - low) * height

    parts = []
    for latency, text in ((0.001, "1 ms"), (0.01, "10 ms"), (0.1, "100 ms"), (1, "1 s"), (10, "10 s")):
        _, y = place(0, latency)
        parts.append(f'<path d="M{left} {y:.0f}h{width}" stroke="#ddd"/><text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{text}</text>')
    for seconds in range(0, WATCHED + 1, 5):
        x, _ = place(seconds, 1)
        parts.append(f'<text x="{x:.0f}" y="{top + height + 18}" text-anchor="middle">{seconds} s</text>')
    x, _ = place(killed, 1)
    parts.append(f'<path d="M{x:.0f} {top}v{height}" stroke="#c33" stroke-dasharray="4"/><text x="{x + 4:.0f}" y="{top + 12}" fill="#c33">SIGKILL</text>')
    for colour, wanted in (("#2a7", True), ("#c33", False)):
        dots = "".join("M{:.0f} {:.0f}h0".format(*place(sent, max(0.001, took))) for sent, took, right in found if right == wanted)
        parts.append(f'<path d="{dots}" stroke="{colour}" stroke-width="3" stroke-linecap="round"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {top + height + 30}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n')


def host_folder(number):
    return pathlib.Path(environment["CLUSTER"]) / f"host{number}"


def sql(statement):
    """On node 1."""
    subprocess.run(["mariadb", "--no-defaults", f"--socket={host_folder(1) / 'run/mariadb.sock'}", "-e", statement], check=True)


def kill_node(number):
    os.killpg(int((host_folder(number) / "run/database.pid").read_text(encoding="ascii")), signal.SIGKILL)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    say("starting three hosts")
    cluster("start")
    ask(base + "regist", REGIST.replace("PHONE", KNOWN))
    by_hosts = {}
    for hosts in (3, 2, 1):
        say(f"{hosts} hosts")
        if hosts == 1:
            # What conf/CLUSTER.md says of a node that is alone.
            sql("SET GLOBAL wsrep_provider_options = 'evs.causal_keepalive_period=PT1H'")
        by_hosts[hosts] = rates(hosts)
        if hosts > 1:
            cluster("host", str(hosts), "stop")
    sql("SET GLOBAL wsrep_provider_options = 'evs.causal_keepalive_period=PT0.4S'")
    say("the death of a node")
    for host in (2, 3):
        cluster("host", str(host), "start")
    killed, found = latencies(lambda: kill_node(random.choice((1, 2, 3))))
    times = sorted(took for _, took, _ in found)
    failed = sum(not right for *_, right in found)
    (WORK / "stall.svg").write_text(picture(killed, found), encoding="ascii")
    lines = [(f"{hosts}", *(f"{by_hosts[hosts][name]:,.0f}" for name in ("regist", "login", "auth"))) for hosts in (1, 2, 3)]
    lines.append(("3 / 1", *(f"{by_hosts[3][name] / by_hosts[1][name]:.2f}" for name in ("regist", "login", "auth"))))
    (WORK / "report.md").write_text("\n\n".join((
        table(("hosts", "regist/s", "login/s", "auth/s"), lines),
        f"![latency of {RATE} registrations a second while a node dies](stall.svg)",
        f"{len(found):,} registrations at {RATE}/s: p50 {times[len(times) // 2] * 1000:.0f} ms, longest {times[-1]:.1f} s, {failed} failed.",
    )) + "\n", encoding="utf-8")
    print((WORK / "report.md").read_text(encoding="utf-8"))
    if failed or len(found) < RATE * WATCHED:
        raise SystemExit("bench: requests failed")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    finally:
        subprocess.run([ROOT / "scripts/cluster", "stop"], env=environment, stdout=subprocess.DEVNULL, check=False)
