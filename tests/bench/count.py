#!/usr/bin/python3
"""Counts a worker's instructions per request by callgrind, which no noise of the machine changes: count.py [--write]

Compares with instructions.tsv, or writes it. Fails where a request costs over 3 % more than is written there."""
import json
import os
import re
import subprocess
import sys
import time

import contestants
import measure
from contestants import CHEAP, HERE, WORK

FEW, MANY = 50, 250
ALLOWED = 1.03
WITH_RULE = 1.10   # of auth
FIGURES = HERE / "instructions.tsv"


def post(path, **body):
    text = json.dumps(body).encode()
    return path, {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(text))}, text


def get(path, token, **more):
    return path, {"REQUEST_METHOD": "GET", "CONTENT_LENGTH": "0", "HTTP_AUTHORIZATION": "Bearer " + token, **more}, b""


def request(number, path, parameters, body):
    return measure.fastcgi_request({"DOCUMENT_URI": path, "REMOTE_ADDR": "127.0.0.1", "REQUEST_ID": f"count-{number:08}",
                                    "HTTP_HOST": "localhost", "HTTP_USER_AGENT": "count", **parameters}, body)


RULE, SIGNED = "auth, group", "auth, signed"


def routes(token, member):
    """`member`: the token of somebody in the group staff. Of each: its requests by number, and what a right answer holds."""
    password = "correct horse 42"
    return {
        "1001": (lambda _: post("/users/regist", phone="18800000000", password=password), b'"code":1001'),
        "1002": (lambda _: post("/users/regist", phone="18800000000", password=password, code="123456"), b'"code":1002'),
        "auth": (lambda _: get("/users/_auth", token), b"Status: 204"),
        RULE: (lambda _: get("/users/_auth/group/authors,staff", member), b"Status: 204"),
        # Each for a site of its own, so that each signs: a token for the same site is made once a second.
        SIGNED: (lambda number: get("/users/_auth", member, SERVER_NAME=f"{number:09}.example"), b"X-User-Jwt: "),
        "me": (lambda _: get("/users/me", token), b'"code":0'),
        "regist": (lambda number: post("/users/regist", phone=f"16{number:09}", password=password, code="123456"),
                   b'"code":0'),
    }


class Worker:
    """One under callgrind at a socket of its own."""

    def __init__(self, output=None, **more):
        self.listener = measure.listening_socket(WORK / "count.sock")
        environment = dict(contestants.settings(CHEAP), **contestants.worker_settings(), USERS_FCGI_WORKER_REQUEST_LIMIT="600",
                           **more)
        tool = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}"] if output else []
        self.process = subprocess.Popen([*tool, contestants.BIN / "users-fcgi", "--config", HERE / "users.conf"],
                                        stdin=self.listener, env=environment, stderr=subprocess.DEVNULL)

    def ask(self, number, parts, expected):
        reply = measure.ask_worker(WORK / "count.sock", request(number, *parts))
        if expected not in reply.replace(b'": ', b'":'):
            raise SystemExit(f"count: a worker answers {reply!r}")
        return reply

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.listener.close()


def instructions(name, make, expected, count, numbers):
    output = WORK / f"callgrind.{name}.{count}"
    worker = Worker(output, USERS_FCGI_IDENTITY_SIGN="yes" if name == SIGNED else "no")
    try:
        for _ in range(count):
            number = next(numbers)
            worker.ask(number, make(number), expected)
    finally:
        worker.stop()
    return int(re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.M)[1])


def log_in(phone):
    """A session's token, of a user made for it where there is none yet."""
    worker = Worker()
    account = {"phone": phone, "password": "correct horse 42"}
    measure.ask_worker(WORK / "count.sock", request(1, *post("/users/regist", **account, code="123456")))
    reply = worker.ask(2, post("/users/login", **account), b'"token"')
    worker.stop()
    return re.search(rb'"token":"([^"]+)"', reply)[1].decode()


def count_all():
    numbers = iter(range(int(time.time()) % 10 ** 8 * 10, 10 ** 9))
    found = {}
    plain, member = log_in("18800000000"), log_in("18800000001")
    contestants.put_in_groups("'staff'", "phone = '+8618800000001'")
    for name, (make, expected) in routes(plain, member).items():
        few, many = (instructions(name, make, expected, count, numbers) for count in (FEW, MANY))
        found[name] = (many - few) // (MANY - FEW)
        print(f"{name}: {found[name]:,} instructions", flush=True)
    return found


def compare(found):
    written = {name: int(count) for name, count in (line.split("\t") for line in FIGURES.read_text().splitlines()[1:])}
    limits = [(name, name, ALLOWED) for name in written] + [(RULE, "auth", WITH_RULE)]
    worse = 0
    for name, of, most in limits:
        ratio = found[name] / written[of]
        print(f"{name}: {ratio:.3f} of what is written{f' for {of}' if of != name else ''}")
        if ratio > most:
            worse += 1
            print(f"  that is more than {most}: find out why (callgrind_annotate {WORK}/callgrind.{name}.{MANY}),"
                  " or make bench-count WRITE=1")
    print(f"{len(limits) - worse} passed, {worse} failed")
    return worse == 0


def main():
    contestants.Nginx.port = measure.free_ports(1)
    contestants.prepare()
    try:
        contestants.start_database()
        found = count_all()
    finally:
        contestants.stop_database()
    if "--write" in sys.argv:
        FIGURES.write_text("route\tinstructions\n" + "".join(f"{name}\t{count}\n" for name, count in found.items()))
        return 0
    return 0 if compare(found) else 1


if __name__ == "__main__":
    sys.exit(main())
