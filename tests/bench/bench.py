#!/usr/bin/python3
"""Measures the service beside what people would use instead: see README.md. bench.py [--quick]"""
import csv
import itertools
import json
import subprocess
import sys
import time

import contestants
import measure
import report
from contestants import CHEAP, CONNECTIONS, PRODUCTION, STATE, WORK, WORKERS
from measure import Load

QUICK = "--quick" in sys.argv
ROUNDS = 1 if QUICK else 5
SECONDS = 1 if QUICK else 3
HASH_SECONDS = 2 if QUICK else 5  # where hashes have production's cost
ROWS = (10_000, 100_000) if QUICK else (10_000, 100_000, 1_000_000, 10_000_000)

KNOWN = "18800000000"
REGIST = '{"phone":"PHONE","password":"correct horse 42","code":"123456"}'
LOGIN = '{"phone":"%s","password":"correct horse 42"}' % KNOWN

# name: method, path, body, contestants, text of a correct answer. Rate, latency and processor time are measured for these.
QUESTIONS = {
    "1001": ("POST", "/users/regist", '{"phone":"18800000000","password":"correct horse 42"}', "all", '"code":1001'),
    "1002": ("POST", "/users/regist", REGIST.replace("PHONE", KNOWN), "database", '"code":1002'),
    "auth": ("GET", "/users/auth", "-", "database", ""),
    "protected": ("GET", "/file/page", "-", "database", "a page"),
    "regist, cheap hash": ("POST", "/users/regist", REGIST, "database", '"code":0'),
    "regist": ("POST", "/users/regist", REGIST, "hashes", '"code":0'),
    "login": ("POST", "/users/login", LOGIN, "hashes", '"code":0'),
}
PRODUCTION_COST = ("regist", "login")
RULES = "protected location"

rows = []   # rows of the CSV file: question, contestant, round, measurement, value


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def keep(question, contestant, turn, **values):
    rows.extend((question, contestant, turn, what, value) for what, value in values.items())


def takes_part(contestant, question):
    if contestant.questions is not None:
        return question in contestant.questions
    who = QUESTIONS[question][3]
    return contestant.name != "one shared pool" and (who == "all" or contestant.database)


def way_to_ask(contestant, question):
    """Method, path, body, and the text of a right answer."""
    if contestant.questions is not None:
        return contestant.questions[question]
    method, path, body, _, expected = QUESTIONS[question]
    return method, path, body, expected if contestant.database else '"code":0'


def load(contestant, question, seconds, **more):
    method, path, body, _ = way_to_ask(contestant, question)
    return Load(contestant.url(path), method, body, contestant.token, seconds, **more)


def check(contestant, question):
    """It answers as it should, before anybody measures how fast."""
    _, path, body, expected = way_to_ask(contestant, question)
    body = None if body == "-" else body.replace("PHONE", f"139{next(serial):08}")
    status, text = measure.ask(contestant.url(path), body, contestant.token)
    if status not in (200, 204) or expected.replace(" ", "") not in text.replace(" ", ""):
        raise SystemExit(f"bench: {contestant.name} answers {question} with {status} {text}")


serial = itertools.count(int(time.time()) % 10_000_000)


def count_users(contestant):
    return int(contestants.sql(f"SELECT COUNT(*) FROM {contestant.users}"))


def measure_once(contestant, question, turn, seconds):
    pids = contestant.processes()
    users = count_users(contestant)
    before = measure.cpu_seconds(pids)
    result = load(contestant, question, seconds).result()
    used = measure.cpu_seconds(pids) - before
    if QUESTIONS[question][2] == REGIST and count_users(contestant) - users < result["requests"]:
        raise SystemExit(f"bench: {contestant.name} made fewer users than it answered registrations")
    keep(question, contestant.name, turn, rate=result["rate"], cpu_us=used / result["requests"] * 1e6, p50=result["p50"],
         p99=result["p99"])


def log_in(everybody):
    """Each contestant's own session: they do not hash tokens alike."""
    for contestant in everybody:
        if not contestant.database or contestant.name == "one shared pool":
            continue
        _, path, body, _ = way_to_ask(contestant, "login")
        status, text = measure.ask(contestant.url(path), body)
        if status != 200 or "token" not in text:
            raise SystemExit(f"bench: {contestant.name} does not log in: {status} {text}")
        reply = json.loads(text)
        contestant.token = reply.get("data", reply)["token"]


def interleave(everybody, question):
    """A B A B ..., so that what the machine does meanwhile meets all alike."""
    taking_part = [one for one in everybody if takes_part(one, question)]
    seconds = SECONDS if question not in PRODUCTION_COST else HASH_SECONDS
    for contestant in taking_part:
        check(contestant, question)
        load(contestant, question, 1).result()
    for turn in range(ROUNDS):
        for contestant in taking_part:
            measure_once(contestant, question, turn, seconds)
        floor(question, turn, seconds)
    say(f"{question}: " + ", ".join(f"{name} {value:.0f}/s" for name, value in report.medians(rows, question, "rate").items()))


def floor(question, turn, seconds):
    """The bare operations, with nothing around them."""
    bare = WORK / "bare"
    if question in PRODUCTION_COST:
        command = [bare, "argon2", *map(str, PRODUCTION)]
    elif question == "1002":
        command = [bare, "statements", STATE / "run/mariadb.sock", STATE / "secrets/service_password"]
    else:
        return
    rate = float(subprocess.run([*command, str(seconds)], check=True, capture_output=True, text=True).stdout)
    keep(question, "bare " + command[1], turn, rate=rate)


def restart(everybody, cost):
    for contestant in everybody:
        if contestant.name != "one shared pool":
            contestant.stop()
            contestant.start(cost)


def ask_memory(everybody, state):
    for contestant in everybody:
        if contestant.name == "one shared pool":
            continue
        pools = {"hash": contestant.pool("hash"), "fast": contestant.pool("fast")} if contestant.name == "users-fcgi" else {
            "": contestant.workers()}
        for pool, pids in pools.items():
            pss, private = measure.median_memory(pids)
            keep("memory", f"{contestant.name} {pool}".strip(), 0, **{f"pss_{state}": pss, f"private_{state}": private})


def ask_start(everybody):
    """From exec to the first answer: a worker of ours at its own socket, the others over nginx."""
    listener = measure.listening_socket(WORK / "start.sock")
    environment = dict(contestants.settings(CHEAP), **contestants.worker_settings())
    request = measure.fastcgi_request({"REQUEST_METHOD": "GET", "DOCUMENT_URI": "/users/auth", "REMOTE_ADDR": "127.0.0.1",
                                       "REQUEST_ID": "start", "CONTENT_LENGTH": "0"})
    for turn in range(ROUNDS * 2):
        begin = time.monotonic()
        worker = subprocess.Popen([contestants.BIN / "users-fcgi", "--config", contestants.HERE / "users.conf"],
                                  stdin=listener, env=environment)
        reply = measure.ask_worker(WORK / "start.sock", request)
        keep("start", "users-fcgi", turn, ms=(time.monotonic() - begin) * 1000)
        worker.terminate()
        worker.wait()
        if b"401" not in reply[:100]:
            raise SystemExit(f"bench: a worker answers {reply[:300]!r}")
    listener.close()
    for contestant in everybody:
        if contestant.command is None or not contestant.hashes:
            continue
        for turn in range(ROUNDS):
            contestant.stop()
            begin = time.monotonic()
            contestant.start(CHEAP)
            keep("start", contestant.name, turn, ms=(time.monotonic() - begin) * 1000)
    say("start: " + ", ".join(f"{name} {value:.0f} ms" for name, value in report.medians(rows, "start", "ms").items()))


def ask_half_load(product):
    rate = report.medians(rows, "1002", "rate")["users-fcgi"] / 2
    body = QUESTIONS["1002"][2]
    for turn in range(ROUNDS):
        keep("half load", "users-fcgi", turn,
             **measure.at_rate(product.url("/users/regist"), rate, SECONDS, WORK / "h2load.log", body))


def ask_beside(product):
    """Registrations, with a hash of production, while 1,000 sessions a second are checked."""
    seconds = HASH_SECONDS
    for turn in range(ROUNDS):
        storm = load(product, "regist", seconds)
        times = measure.at_rate(product.url("/users/auth"), 1000, seconds, WORK / "h2load.log", token=product.token)
        keep("regist beside 1,000 auth/s", "users-fcgi", turn, rate=storm.result()["rate"])
        keep("auth, beside registrations", "users-fcgi", turn, **times)
        floor("regist", f"beside {turn}", seconds)


def ask_storm(product, shared):
    """auth at a fixed rate: quiet, while registrations fill the hash pool, and while its queue is full and refuses more."""
    seconds, rate = HASH_SECONDS, 200
    weathers = {"quiet": 0, "storm": CONNECTIONS * 2, "full queue": CONNECTIONS * 16}
    for turn in range(ROUNDS):
        for (weather, connections), pools in itertools.product(weathers.items(), (product, shared)):
            if weather == "full queue" and pools is shared:
                continue
            storm = None
            if connections:
                storm = load(pools, "regist", seconds + 2, connections=connections)
                time.sleep(1)
            times = measure.at_rate(pools.url("/users/auth"), rate, seconds, WORK / "h2load.log", token=product.token)
            if storm:
                done = storm.result(may_be_refused=True)
                keep(f"registrations, {weather}", pools.name, turn, rate=done["rate"] * (1 - done["errors"] / done["requests"]),
                     refused=done["rate"] * done["errors"] / done["requests"])
                # Behind everything that still waits for a hash.
                measure.ask(product.url("/users/login"), LOGIN)
            keep(f"auth, {weather}", pools.name, turn, **times)
    for weather in weathers:
        say(f"auth, {weather}: p99 " + ", ".join(
            f"{name} {value / 1000:.1f} ms" for name, value in report.medians(rows, f"auth, {weather}", "p99").items()))


def ask_rules(product):
    """A protected location: any session, a group of the user's, and a signed identity; in turns."""
    contestants.put_in_groups("'staff'", f"phone = '+86{KNOWN}'")
    ways = {"any session": ("/file/page", "no"), "a group": ("/staff/page", "no"), "signed": ("/file/page", "yes")}
    for turn in range(ROUNDS):
        for name, (path, sign) in ways.items():
            product.stop()
            product.start(CHEAP, USERS_FCGI_IDENTITY_SIGN=sign)
            for seconds in (1, SECONDS):
                result = Load(product.url(path), "GET", "-", product.token, seconds).result()
            keep(RULES, name, turn, rate=result["rate"], p50=result["p50"], p99=result["p99"])
    product.stop()
    product.start(CHEAP)
    say(f"{RULES}: " + ", ".join(f"{name} {value:.0f}/s" for name, value in report.medians(rows, RULES, "rate").items()))


def ask_workers(product):
    """Throughput by number of workers of a pool."""
    for count in (1, 4, 16) if QUICK else (1, 2, 4, 8, 16):
        product.stop()
        product.start(CHEAP, WORKERS=str(count), FAST_WORKERS=str(count))
        for question in ("1002", "auth"):
            load(product, question, 1).result()
            for turn in range(2):
                keep(f"workers, {question}", str(count), turn, rate=load(product, question, SECONDS).result()["rate"])
    product.stop()
    product.start(CHEAP)


def ask_rows(product):
    """Registrations per second as the table grows."""
    for size in ROWS:
        fill(size)
        load(product, "regist, cheap hash", 1).result()
        for turn in range(3):
            result = load(product, "regist, cheap hash", SECONDS).result()
            keep("rows", str(size), turn, rate=result["rate"], p99=result["p99"])
        say(f"rows {size}: {report.medians(rows, 'rows', 'rate')[str(size)]:.0f} registrations/s")


def fill(size):
    """Up to so many users, whose numbers no request uses."""
    step = 500_000
    have = int(contestants.sql("SELECT COUNT(*) FROM users WHERE password = 'filled'")) if size == ROWS[0] else fill.have
    for first in range(have + 1, size + 1, step):
        last = min(first + step - 1, size)
        contestants.sql(f"INSERT INTO users (phone, password, createTime) SELECT CONCAT('+86', 15000000000 + seq * 240), "
                        f"'filled', UTC_TIMESTAMP() FROM seq_{first}_to_{last}")
    fill.have = size


fill.have = 0


def ask_groups(product):
    """auth with no other group, with 10,000 groups of 100 accounts, and again without; then how long users-ctl takes."""
    fill(max(ROWS[-1], 1_000_000))
    filled = int(contestants.sql("SELECT MIN(id) FROM users WHERE password = 'filled'"))
    everybody = f"id BETWEEN {filled} AND {filled} + 999999 AND password = 'filled'"
    for state in ("none", "10,000 groups", "none"):
        if state != "none":
            contestants.put_in_groups("CONCAT('group-', id DIV 100 MOD 10000)", everybody)
        else:
            contestants.sql(f"DELETE FROM group_members WHERE name LIKE 'group-%'; UPDATE users SET groupNames = '' WHERE {everybody}")
        load(product, "auth", 2).result()
        for turn in range(ROUNDS):
            keep("groups", state, turn, rate=load(product, "auth", SECONDS).result()["rate"])
        if state != "none":
            for command in (("list",), ("list", "--after", "group-5000"), ("members", "group-77")):
                begin = time.monotonic()
                subprocess.run([contestants.BIN / "users-ctl", "--config", contestants.HERE / "users.conf", "group", *command],
                               env=dict(contestants.settings(CHEAP), **contestants.worker_settings()), check=True,
                               capture_output=True)
                keep("groups, users-ctl", "group " + " ".join(command), 0, ms=(time.monotonic() - begin) * 1000)
    say("groups: " + ", ".join(f"{name} {value:.0f}/s" for name, value in report.medians(rows, "groups", "rate").items()))


def run():
    by_name = contestants.everybody()
    everybody = list(by_name.values())
    product, shared = by_name["users-fcgi"], by_name["one shared pool"]
    contestants.prepare()
    nginx = contestants.Nginx(everybody)
    try:
        say("starting")
        contestants.start_database()
        nginx.start()
        for contestant in everybody:
            if contestant is not shared:
                contestant.start(CHEAP)
        ask_memory(everybody, "idle")
        if contestants.sql(f"SELECT COUNT(*) FROM users WHERE phone = '+86{KNOWN}'") == "0":
            measure.ask(product.url("/users/regist"), REGIST.replace("PHONE", KNOWN))
        by_name["better-auth"].make_account()
        log_in(everybody)
        for question in QUESTIONS:
            if question not in PRODUCTION_COST:
                interleave(everybody, question)
        ask_half_load(product)
        ask_memory(everybody, "busy")
        ask_start(everybody)
        restart(everybody, PRODUCTION)
        by_name["better-auth"].make_account()
        for question in PRODUCTION_COST:
            interleave(everybody, question)
        hashing = load(product, "login", SECONDS)
        time.sleep(SECONDS / 2)
        ask_memory([product], "hashing")
        hashing.result()
        log_in([product])  # so many logins have ended the sessions before them
        ask_beside(product)
        ask_storm(product, shared)
        for contestant in everybody:
            if contestant.command is not None:
                contestant.stop()
        ask_rules(product)
        ask_workers(product)
        ask_rows(product)
        ask_groups(product)
    finally:
        for contestant in everybody:
            if contestant.command is not None:
                contestant.stop()
        nginx.stop()
        contestants.stop_database()


def main():
    begin = time.monotonic()
    run()
    with open(WORK / "results.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "contestant", "round", "measure", "value"))
        writer.writerows(rows)
    report.write(WORK, time.monotonic() - begin, QUICK)
    print((WORK / "report.md").read_text())


if __name__ == "__main__":
    main()
