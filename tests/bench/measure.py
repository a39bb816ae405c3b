"""Load, latency, processor time and memory, each from its source."""
import os
import re
import socket
import statistics
import struct
import subprocess
import time
import urllib.error
import urllib.request

TICK = os.sysconf("SC_CLK_TCK")


def wait_until(seconds, what, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: after {seconds} s it is still not so that {what}")
        time.sleep(0.005)


def free_ports(count):
    """The first of as many ports in a row that nobody listens on."""
    for first in range(21000, 30000, count):
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise SystemExit("bench: no free ports from 21000 to 30000")


def ask(url, body=None, token="-"):
    """Status and text of a reply; 0 when there is none."""
    request = urllib.request.Request(url, body.encode() if body else None)
    if body:
        request.add_header("Content-Type", "application/json")
    if token != "-":
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def status(url):
    return ask(url)[0]


def processes(group):
    """Of a process group, the living ones."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(pid))
    return found


def cpu_seconds(pids):
    """What they and the children that they waited for have used."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            total += sum(int(field) for field in file.read().rpartition(")")[2].split()[11:15])
    return total / TICK


def memory_kib(pid):
    """Proportional and private kibibytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        sizes = {key: int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB", file.read(), re.M)}
    return sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"]


def median_memory(pids):
    sizes = [memory_kib(pid) for pid in pids]
    return tuple(statistics.median(size[i] for size in sizes) for i in (0, 1))


class Load:
    """A run of wrk. Numbers of phones are never used twice."""

    script = os.path.join(os.path.dirname(__file__), "wrk/request.lua")
    next_number = 0

    def __init__(self, url, method="GET", body="-", token="-", seconds=3, connections=16):
        self.url = url
        first, Load.next_number = Load.next_number, Load.next_number + (400_000 if "PHONE" in body else 0)
        self.process = subprocess.Popen(
            ["wrk", "-t", "2", "-c", str(connections), "-d", f"{round(seconds)}s", "--timeout", "20s", "-s", self.script, url, "--",
             method, body, token, str(first)], stdout=subprocess.PIPE, text=True)

    def result(self, may_be_refused=False):
        """Requests per second, errors, p50, p99 and p99.9 in microseconds."""
        text = self.process.communicate()[0]
        match = re.search(r"^RESULT (.*)$", text, re.M)
        if match is None:
            raise SystemExit(f"bench: wrk failed:\n{text}")
        requests, seconds, errors, *percentiles = map(float, match[1].split())
        if errors and not may_be_refused:
            raise SystemExit(f"bench: {errors:.0f} of {requests:.0f} requests of {self.url} failed")
        return {"requests": requests, "rate": requests / seconds, "errors": errors,
                **dict(zip(("p50", "p99", "p999"), percentiles))}


def at_rate(url, rate, seconds, log, body=None, token="-", clients=8):
    """Requests at a fixed rate, whatever the answers take: p50, p99, p99.9 in microseconds."""
    command = ["h2load", "--h1", "-n", str(int(rate * seconds)), "-c", str(clients), "--rps", f"{rate / clients:.3f}",
               "--log-file", str(log)]
    if body:
        (log.parent / "body").write_text(body)
        command += ["-d", str(log.parent / "body"), "-H", "content-type: application/json"]
    if token != "-":
        command += ["-H", f"authorization: Bearer {token}"]
    log.unlink(missing_ok=True)
    done = subprocess.run([*command, url], check=True, capture_output=True, text=True, timeout=seconds * 5 + 30)
    # This h2load reads no status from kept HTTP/1.1 connections and calls all of them "failed", so only errors count, and one
    # more request shows that the answers are right.
    if not re.search(r" 0 errored, 0 timeout", done.stdout) or ask(url, body, token)[0] not in (200, 204):
        raise SystemExit(f"bench: requests of {url} failed:\n{done.stdout}")
    with open(log, encoding="utf-8") as file:
        lines = [line.split() for line in file]
    times = sorted(int(line[2]) for line in lines)
    return {name: times[min(len(times) - 1, int(len(times) * part))] for name, part in
            (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))}


def record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def fastcgi_request(parameters, body=b""):
    """The bytes of a whole FastCGI request of a responder."""
    pairs = b""
    for name, value in parameters.items():
        for text in (name, value):
            pairs += struct.pack(">I", len(text) | 0x80000000)
        pairs += name.encode() + value.encode()
    begin = struct.pack(">HB5x", 1, 0)
    content = record(5, body) if body else b""
    return record(1, begin) + record(4, pairs) + record(4, b"") + content + record(5, b"")


def ask_worker(path, request):
    """One request straight to a worker's socket: the reply's bytes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        connection.sendall(request)
        reply = b""
        while chunk := connection.recv(65536):
            reply += chunk
    return reply


def listening_socket(path):
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(512)
    return listener
