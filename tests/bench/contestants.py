"""What is compared: how each is started, and the one nginx before all of them."""
import getpass
import os
import pathlib
import re
import signal
import subprocess
import time

import measure

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/bench"
STATE = WORK / "state"
BIN = ROOT / "build/release"
HERE = ROOT / "tests/bench"
CONNECTIONS = 16
WORKERS = 8
CHEAP = (64, 1)           # KiB and passes of argon2
PRODUCTION = (19456, 2)   # OWASP's, and the product's default

FASTCGI = """
    location ^~ /users/ {{
        include limits.conf;
        fastcgi_pass_request_headers off;
        include snippets/users-fcgi/users_fastcgi_params;
        {more}
        fastcgi_pass {name};
    }}
    location = /_auth {{
        internal;
        fastcgi_pass_request_headers off;
        fastcgi_pass_request_body    off;
        fastcgi_param REQUEST_METHOD     GET;
        fastcgi_param DOCUMENT_URI       /users/auth;
        fastcgi_param CONTENT_LENGTH     0;
        fastcgi_param HTTP_AUTHORIZATION $http_authorization;
        {more}
        fastcgi_pass {name};
    }}
"""
PROXY = """
    location ^~ /users/ {{
        include limits.conf;
        include proxy.conf;
        proxy_pass http://{name};
    }}
    location = /_auth {{
        internal;
        include proxy.conf;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_pass http://{name}/users/auth;
    }}
"""
FILES = {
    "limits.conf": "limit_req zone=users_requests burst=40 nodelay;\nlimit_conn users_connections 32;\n"
                   "client_max_body_size 16k;\nclient_body_buffer_size 32k;\n",
    "proxy.conf": "proxy_http_version 1.1;\nproxy_set_header Connection '';\nproxy_set_header Host $host;\nproxy_set_header X-Real-IP $remote_addr;\n"
                  "proxy_set_header X-Request-Id $request_id;\n",
    "file/page": "a page\n",
    "php.conf": f"""[global]
error_log = {WORK}/php.log
[users]
listen = {WORK}/php.sock
listen.backlog = 511
user = {getpass.getuser()}
pm = static
pm.max_children = {WORKERS}
clear_env = no
php_admin_flag[log_errors] = on
""",
}


def worker_settings():
    """For a worker that scripts/start does not start."""
    return {"USERS_FCGI_DATABASE_HOSTS": str(STATE / "run/mariadb.sock"),
            "USERS_FCGI_DATABASE_PASSWORD_FILE": str(STATE / "secrets/service_password"),
            "USERS_FCGI_LOG_DIRECTORY": str(WORK / "log"), "USERS_FCGI_METRICS_FILE": str(WORK / "metrics"),
            "USERS_FCGI_SECRETS_KEY_FILE": str(STATE / "secrets/key")}


def settings(cost):
    return dict(os.environ, STATE=str(STATE), BIN=str(BIN), CONF=str(HERE / "users.conf"), PORT=str(Nginx.port),
                WORKERS=str(WORKERS), FAST_WORKERS=str(WORKERS), BENCH_SOCKET=str(STATE / "run/mariadb.sock"),
                BENCH_PASSWORD_FILE=str(STATE / "secrets/service_password"), BENCH_WORKERS=str(WORKERS),
                BENCH_CONNECTIONS=str(WORKERS // 2), BENCH_ARGON2_MEMORY=str(cost[0]), BENCH_ARGON2_PASSES=str(cost[1]),
                USERS_FCGI_PASSWORD_ARGON2_MEMORY=str(cost[0]), USERS_FCGI_PASSWORD_ARGON2_PASSES=str(cost[1]))


class Contestant:
    """A program of processes of one group, behind a port of nginx."""

    hashes = True      # takes part where passwords are hashed
    database = True
    questions = None   # its own ways to ask; None: those of all
    users = "users"    # the table of its accounts
    path = "/users/auth"

    def __init__(self, name, command, upstream, server):
        self.name, self.command, self.upstream, self.server = name, command, upstream, server
        self.process, self.token = None, "-"

    def start(self, cost, **more):
        (WORK / f"{self.name}.sock").unlink(missing_ok=True)
        environment = dict(settings(cost), **worker_settings(), BENCH_LISTEN=str(WORK / f"{self.name}.sock"), **more)
        log = open(WORK / f"{self.name}.log", "ab")
        self.process = subprocess.Popen(self.command, env=environment, cwd=WORK, stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, start_new_session=True)
        log.close()
        measure.wait_until(20, f"{self.name} answers", self.answers)

    def answers(self):
        return measure.status(self.url(self.path)) not in (0, 502, 503)

    def stop(self):
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        if measure.processes(self.process.pid):
            os.killpg(self.process.pid, signal.SIGKILL)
            measure.wait_until(10, f"{self.name} ends", lambda: not measure.processes(self.process.pid))
        self.process.wait()
        self.process = None

    def processes(self):
        return measure.processes(self.process.pid)

    def workers(self):
        """Those that answer requests: not the one that keeps them."""
        return [pid for pid in self.processes() if pid != self.process.pid]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def nginx(self):
        return f"""
    {self.upstream}
    server {{
        listen 127.0.0.1:{self.port};
        {self.server}
        location /file/ {{ auth_request /_auth; root {WORK}; }}
    }}
"""


class Product(Contestant):
    """The local stack's own pools, as scripts/start has them."""

    def __init__(self):
        super().__init__("users-fcgi", None, "", "")

    def start(self, cost, **more):
        self.run("start", cost, "hash", "fast", **more)

    def stop(self):
        self.run("stop", CHEAP, "hash", "fast")

    def run(self, script, cost, *parts, **more):
        done = subprocess.run([ROOT / "scripts" / script, *parts], env=dict(settings(cost), **more), capture_output=True,
                              text=True)
        if done.returncode != 0:
            raise SystemExit(f"bench: scripts/{script} failed:\n{done.stdout}{done.stderr}")

    def pool(self, name):
        leader = int((STATE / f"run/{name}.pid").read_text())
        return [pid for pid in measure.processes(leader) if pid != leader]

    def processes(self):
        return self.pool("hash") + self.pool("fast")

    workers = processes

    def nginx(self):
        return f"""
    server {{
        listen 127.0.0.1:{self.port};
        include snippets/users-fcgi/users.conf;
        location /file/ {{ include snippets/users-fcgi/users_auth.conf; root {WORK}; }}
        location /staff/ {{
            auth_request /users/_auth/group/authors,staff;
            include snippets/users-fcgi/users_identity.conf;
            alias {WORK}/file/;
        }}
    }}
"""


class BetterAuth(Contestant):
    """A real product, with its own paths, names and tables."""

    questions = {
        "auth": ("GET", "/api/auth/get-session", "-", '"session":'),
        "login": ("POST", "/api/auth/sign-in/phone-number", '{"phoneNumber":"+8618800000000","password":"correct horse 42"}',
                  '"token":'),
        "regist": ("POST", "/api/auth/sign-up/email",
                   '{"email":"PHONE@example.org","name":"x","password":"correct horse 42"}', '"token":null'),
    }
    questions["regist, cheap hash"] = questions["regist"]
    users = "better_auth.user"
    path = "/api/auth/get-session"

    def __init__(self):
        name = "better-auth"
        upstream = f"upstream {name} {{ server unix:{WORK}/{name}.sock; keepalive 64; }}"
        server = f"location / {{ include limits.conf; include proxy.conf; proxy_pass http://{name}; }}"
        super().__init__(name, ["node", str(WORK / name / "server.js")], upstream, server)

    def nginx(self):
        return f"{self.upstream} server {{ listen 127.0.0.1:{self.port}; {self.server} }}"

    def make_account(self):
        """By mail, as its API wants it, with a hash of the cost that it was started with; then it has the phone of all."""
        sql("DELETE FROM better_auth.user")
        _, path, body, _ = self.questions["regist"]
        measure.ask(self.url(path), body.replace("PHONE", "18800000000"))
        sql("UPDATE better_auth.user SET phoneNumber = '+8618800000000', phoneNumberVerified = 1 "
            "WHERE email = '18800000000@example.org'")


class Shared(Product):
    """The product with one pool for everything: what splitting it gains."""

    def __init__(self):
        super().__init__()
        self.name = "one shared pool"

    def nginx(self):
        text = (ROOT / "nginx/users.conf").read_text().replace("fastcgi_pass users_fast", "fastcgi_pass users_hash")
        (WORK / "shared.conf").write_text(text.replace("$users_me_pool", "users_hash"))
        return f"server {{ listen 127.0.0.1:{self.port}; include shared.conf; }}"


class Nginx:
    """One for all, with the product's own http level and no limit that counts."""

    port = 0

    def __init__(self, contestants):
        self.process = None
        Nginx.port = measure.free_ports(len(contestants) + 1)
        for index, contestant in enumerate(contestants):
            contestant.port = Nginx.port + 1 + index
        text = (ROOT / "nginx/nginx.conf.in").read_text()
        limits = [line.replace("users_address", "users_uncounted")
                  for line in (ROOT / "nginx/users_site.conf").read_text().splitlines() if line.startswith("limit_")]
        for name, value in {"USER": "user root;" if os.geteuid() == 0 else "", "PORT": str(self.port),
                            "LISTEN": f"127.0.0.1:{self.port}", "CLIENT": "", "RUN": str(WORK),
                            "LIMITS": "\n".join(limits)}.items():
            text = text.replace(f"@{name}@", value)
        text = text.replace("run/", f"{STATE}/run/").replace("nginx-master.pid", "bench-nginx.pid")
        servers = "".join(contestant.nginx() for contestant in contestants)
        # h2load counts a connection closed after 1000 requests as a failure.
        more = "    keepalive_requests 1000000;\n"
        (WORK / "nginx.conf").write_text(text.rstrip().removesuffix("}") + more + servers + "}\n")

    def start(self):
        for folder in ("log", "nginx", "snippets"):
            (WORK / folder).mkdir(exist_ok=True)
        snippets = WORK / "snippets/users-fcgi"
        if snippets.is_symlink():
            snippets.unlink()
        snippets.mkdir(exist_ok=True)
        for file in (ROOT / "nginx").glob("users*"):
            (snippets / file.name).unlink(missing_ok=True)
            (snippets / file.name).symlink_to(file)
        limits = snippets / "users_limits.conf"
        text = limits.read_text()
        limits.unlink()
        limits.write_text(re.sub(r"users_(address|network)\b(?= zone)", "users_uncounted", text))
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(WORK) + "/", "-c", "nginx.conf", "-g", "daemon off;"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        measure.wait_until(10, "nginx answers", lambda: measure.status(f"http://127.0.0.1:{self.port}/") != 0)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def fastcgi(name, command, more=""):
    upstream = f"upstream {name} {{ server unix:{WORK}/{name}.sock; }}"
    return Contestant(name, command, upstream, FASTCGI.format(name=name, more=more))


def proxied(name, command):
    upstream = f"upstream {name} {{ server unix:{WORK}/{name}.sock; keepalive 64; }}"
    return Contestant(name, command, upstream, PROXY.format(name=name))


def everybody():
    """The contestants by name; the product is the first."""
    hello = fastcgi("hello", ["/usr/bin/spawn-fcgi", "-n", "-s", str(WORK / "hello.sock"), "-M", "0660", "-b", "512", "--",
                              "/usr/bin/multiwatch", "-f", str(WORKERS), "--", str(WORK / "hello")])
    hello.hashes = hello.database = False
    php = fastcgi("php", ["/usr/sbin/php-fpm8.2", "--nodaemonize", "--allow-to-run-as-root", "--fpm-config",
                          str(WORK / "php.conf")], f"fastcgi_param SCRIPT_FILENAME {HERE}/php/users.php;")
    node = proxied("node", ["node", "server.js"])
    node.command[1] = str(WORK / "node/server.js")
    tornado = proxied("tornado", ["/usr/bin/python3", str(HERE / "tornado/server.py")])
    everybody = [Product(), Shared(), hello, php, node, tornado, BetterAuth()]
    if before := os.environ.get("BEFORE"):
        everybody.append(fastcgi("before", ["/usr/bin/spawn-fcgi", "-n", "-s", str(WORK / "before.sock"), "-M", "0660", "-b", "512",
                                            "--", "/usr/bin/multiwatch", "-f", str(WORKERS), "--",
                                            str(pathlib.Path(before).resolve() / "users-fcgi"), "--config", str(HERE / "users.conf")]))
    return {one.name: one for one in everybody}


def prepare():
    """Files, the database, and the accounts that the questions ask about."""
    (WORK / "file").mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (WORK / name).write_text(text)


def sql(text):
    """Runs it as the database's administrator; the reply's text."""
    done = subprocess.run(["mariadb", "--no-defaults", f"--socket={STATE}/run/mariadb.sock", f"--user={getpass.getuser()}",
                           "--batch", "--skip-column-names", "users"], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"bench: the database refuses: {done.stderr}")
    return done.stdout.strip()


def put_in_groups(name, where):
    """`name`: an expression."""
    sql(f"INSERT IGNORE INTO group_members (user_id, name) SELECT id, {name} FROM users WHERE {where}; "
        f"UPDATE users SET groupNames = {name} WHERE {where}")


def start_database():
    product = Product()
    # The numbers of an earlier run are still registered.
    if STATE.exists():
        product.run("clean-state", CHEAP)
    product.run("start", CHEAP, "database")
    sql("CREATE DATABASE better_auth; CREATE DATABASE php; GRANT ALL ON better_auth.* TO users_service@localhost; "
        "GRANT ALL ON php.* TO users_service@localhost; CREATE TABLE php.sessions (id VARCHAR(128) PRIMARY KEY, "
        "data BLOB NOT NULL, seenTime DATETIME NOT NULL, KEY (seenTime)) CHARACTER SET ascii")
    # As on a dedicated machine: the table is in memory, and it is not written back at once.
    sql("SET GLOBAL max_connections = 300; SET GLOBAL innodb_buffer_pool_size = 3 * 1024 * 1024 * 1024; "
        "SET GLOBAL innodb_log_file_size = 1024 * 1024 * 1024")


def stop_database():
    Product().run("stop", CHEAP)
