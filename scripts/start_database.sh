# shellcheck shell=bash
# The local stack's private database: creation, start, accounts, schema. Sourced by scripts/start.

# Built in another folder and moved into place when complete: an interrupted start leaves no half database.
make_database() {
    [[ ! -d $STATE/mariadb ]] || return 0
    say "database: making a new one in $(short "$STATE/mariadb") (some seconds)"
    rm -rf -- "$STATE/mariadb.new"
    # Relative names, because mariadb-install-db breaks names with spaces. --rpm: no name lookups, and no changes to the
    # owners of system files.
    (cd -- "$STATE" && mariadb-install-db --defaults-file=./mariadb.cnf --rpm --datadir=./mariadb.new --skip-test-db \
        --auth-root-authentication-method=socket --auth-root-socket-user="$USER_NAME") \
        </dev/null >>"$STATE/$MARIADB_LOG" 2>&1 ||
        fail "the database cannot be made" "$STATE/$MARIADB_LOG"
    mv -- "$STATE/mariadb.new" "$STATE/mariadb"
}

database_answers() { run_sql --execute='DO 0' >/dev/null 2>&1; }

start_database() {
    install -m 0600 -- "$ROOT/scripts/mariadb.cnf" "$STATE/mariadb.cnf"
    # mariadbd refuses to run as root unless the user is named.
    ((EUID != 0)) || say "user = root" >>"$STATE/mariadb.cnf"
    make_database
    say "database: starting"
    launch database "$MARIADB_LOG" mariadbd --defaults-file="$STATE/mariadb.cnf" --datadir="$STATE/mariadb" \
        --socket="$(mariadb_socket)" --pid-file="$(readlink -- "$STATE/run")/mariadbd.pid"
    wait_until 120 "$!" database_answers || fail "the database does not answer" "$STATE/$MARIADB_LOG"
    say "database: accounts and schema"
    "$BIN/users-ctl" --config "$STATE/users.conf" setup --user "$USER_NAME" --yes >>"$STATE/$MARIADB_LOG" 2>&1 ||
        fail "the accounts or the schema cannot be made" "$STATE/$MARIADB_LOG"
}
