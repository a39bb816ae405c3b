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

# A node of a cluster is ready when it is synced in a primary component.
database_answers() {
    if [[ -n $NODE ]]; then
        [[ $(run_sql -NBe "SHOW STATUS LIKE 'wsrep_ready'" 2>/dev/null) == *ON ]]
    else
        run_sql --execute='DO 0' >/dev/null 2>&1
    fi
}

# node_options: sets OPTIONS for a node of scripts/cluster. NEW_CLUSTER: it begins a new cluster.
node_options() {
    local position
    OPTIONS=()
    [[ -n $NODE ]] || return 0
    cat -- "$NODE" >>"$STATE/mariadb.cnf"
    [[ -z ${NEW_CLUSTER:-} ]] || OPTIONS+=(--wsrep-new-cluster)
    # After a crash only InnoDB knows the position of the last commit.
    if grep -q '^seqno: *-1' "$STATE/mariadb/grastate.dat" 2>/dev/null; then
        position=$(mariadbd --defaults-file="$STATE/mariadb.cnf" --datadir="$STATE/mariadb" \
            --socket="$(run_path recover.sock)" --skip-networking --wsrep-recover 2>&1 |
            tee -a "$STATE/$MARIADB_LOG" | sed -n 's/.*WSREP: Recovered position: *//p' | tail -n 1) ||
            fail "the database's position in the cluster cannot be recovered" "$STATE/$MARIADB_LOG"
        [[ -z $position ]] || OPTIONS+=("--wsrep-start-position=$position")
    fi
}

start_database() {
    install -m 0600 -- "$ROOT/scripts/mariadb.cnf" "$STATE/mariadb.cnf"
    # mariadbd refuses to run as root unless the user is named.
    ((EUID != 0)) || say "user = root" >>"$STATE/mariadb.cnf"
    make_database
    say "database: starting"
    node_options
    launch database "$MARIADB_LOG" mariadbd --defaults-file="$STATE/mariadb.cnf" --datadir="$STATE/mariadb" \
        ${OPTIONS[@]+"${OPTIONS[@]}"} --socket="$(mariadb_socket)" --pid-file="$(readlink -- "$STATE/run")/mariadbd.pid"
    wait_until 120 "$!" database_answers || fail "the database does not answer" "$STATE/$MARIADB_LOG"
    say "database: accounts and schema"
    "$BIN/users-ctl" --config "$STATE/users.conf" setup --user "$USER_NAME" --yes >>"$STATE/$MARIADB_LOG" 2>&1 ||
        fail "the accounts or the schema cannot be made" "$STATE/$MARIADB_LOG"
}
