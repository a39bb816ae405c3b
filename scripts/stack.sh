# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this file
# The local stack: where its parts live, how a part is launched, recognised and ended. Sourced by the scripts.

program=${0##*/}

# say WHAT: one line of progress.
say() { printf '%s\n' "$*"; }

# fail WHAT [LOG] [ADVICE]: says what failed, shows the end of LOG, says what to do; exits 1.
fail() {
    printf '%s: %s\n' "$program" "$1" >&2
    if [[ -n ${2:-} ]]; then
        printf '  log: %s\n' "$2" >&2
        [[ ! -s $2 ]] || tail -n 5 -- "$2" | sed 's/^/    | /' >&2
    fi
    [[ -z ${3:-} ]] || printf '  to do: %s\n' "$3" >&2
    exit 1
}

# Makes run/, a link to a folder under /tmp: a socket's path holds 107 bytes, the state folder's may be longer. A
# restart of the machine may have emptied /tmp; and there only a folder of this user's own is believed.
make_run_folder() {
    local folder
    if [[ ! -L $STATE/run || ! -d $STATE/run/ || ! -O $STATE/run/ ]]; then
        folder=$(mktemp -d /tmp/users-fcgi-XXXXXX) || fail "cannot make a folder for the sockets under /tmp"
        ln -sfn -- "$folder" "$STATE/run"
    fi
}

# run_path NAME: of a file in run/, short.
run_path() { printf '%s/%s' "$(readlink -- "$STATE/run")" "$1"; }

mariadb_socket() { run_path mariadb.sock; }

# The name of a file as the user best reads it: below the current folder without the folder.
short() { printf '%s' "${1#"$PWD"/}"; }

# The same, quoted for the shell.
quoted() {
    local name=${1#"$PWD"/}
    [[ $name =~ ^[A-Za-z0-9/._-]+$ ]] || name=${name@Q}
    printf '%s' "$name"
}

load_settings() {
    ROOT=$(realpath -- "$(dirname -- "${BASH_SOURCE[0]}")/..")
    STATE=$(realpath -m -- "${STATE:-$ROOT/var}")
    CONF=$(realpath -m -- "${CONF:-$ROOT/conf/development.conf}")
    BIN=$(realpath -m -- "${BIN:-$ROOT/build/release}")
    PORT=${PORT:-8000}
    WORKERS=${WORKERS:-4}
    FAST_WORKERS=${FAST_WORKERS:-4}
    VERIFICATION=${VERIFICATION:-}
    LIMITS=${LIMITS:-}
    PARTS=(database hash fast courier nginx)
    USER_NAME=$(id -un)
    # Debian's ordinary users do not have the folder of mariadbd and nginx on their path.
    PATH=$PATH:/usr/sbin
    # Passwords, hashes and log lines are for their owner only.
    umask 077
    # multiwatch takes its arguments for ASCII unless it is told, and the state folder may be called otherwise.
    export CHARSET=UTF-8
}

check_settings() {
    # unix: nginx listens on run/nginx.sock, for tests, which then need no port that is free.
    if [[ $PORT != unix ]] && { [[ ! $PORT =~ ^[1-9][0-9]{0,4}$ ]] || ((PORT > 65535)); }; then
        fail "PORT is '$PORT', it must be a number from 1 to 65535, or unix"
    fi
    [[ $WORKERS =~ ^[1-9][0-9]{0,2}$ ]] || fail "WORKERS is '$WORKERS', it must be a number from 1 to 999"
    [[ $FAST_WORKERS =~ ^[1-9][0-9]{0,2}$ ]] || fail "FAST_WORKERS is '$FAST_WORKERS', it must be a number from 1 to 999"
    [[ $VERIFICATION =~ ^(issued|format)?$ ]] || fail "VERIFICATION is '$VERIFICATION', it must be issued or format"
    [[ $LIMITS =~ ^(site|off)?$ ]] || fail "LIMITS is '$LIMITS', it must be site (those of nginx/users_site.conf) or off"
}

# Relative to $STATE: nginx and the pools run there, so no configuration of theirs needs to hold its path.
# run/ holds pid files and sockets: run/hash.sock and run/fast.sock of the pools, mariadb.sock, sample.sock of the
# protected sample, nginx.sock where PORT is unix.
# Their errors, as the processes write them.
MARIADB_LOG=log/mariadb.log
WORKERS_LOG=log/workers.log
NGINX_LOG=log/nginx-error.log
# Tells clean-state that the folder is one it may remove.
MARKER=.users-fcgi-state

# parts_of ARGUMENTS...: sets CHOSEN to the parts named, in starting order; all when none is. "pool" names both pools.
parts_of() {
    local part wanted
    CHOSEN=()
    for wanted; do
        [[ " ${PARTS[*]} pool " == *" $wanted "* ]] || fail "unknown part '$wanted'" "" "name some of: ${PARTS[*]}"
    done
    [[ " $* " != *" pool "* ]] || set -- "$@" hash fast
    for part in "${PARTS[@]}"; do
        if (($# == 0)) || [[ " $* " == *" $part "* ]]; then CHOSEN+=("$part"); fi
    done
}

require_own_state() {
    [[ -f $STATE/$MARKER ]] || fail "no stack was ever started in $STATE" "" "start one, or name its folder: STATE=..."
    [[ -O $STATE ]] || fail "$STATE belongs to $(stat -c %U -- "$STATE"), you are $USER_NAME" "" \
        "work as that user, or name another folder: STATE=..."
}

# One start, stop or reload at a time. The lock is file descriptor 9; launch() keeps it from the daemons.
lock_state() {
    exec 9>"$STATE/lock"
    if ! flock -n 9; then
        say "waiting: another start or stop works on $(short "$STATE")"
        flock -w 300 9 || fail "another start or stop still works on $STATE after 5 minutes"
    fi
    [[ $STATE/lock -ef /dev/fd/9 ]] || fail "$STATE was removed meanwhile" "" "try again"
}

# wait_until SECONDS PID COMMAND...: polls COMMAND; fails when time is up or process PID is gone.
wait_until() {
    local deadline=$((SECONDS + $1)) pid=$2
    shift 2
    until "$@"; do
        [[ -z $pid || -d /proc/$pid ]] || return 1
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# launch PART LOG COMMAND...: runs a daemon in $STATE, in a session of its own, so that neither Ctrl-C nor a closed
# terminal reaches it and its children are found by their process group.
launch() {
    local part=$1 log=$2
    shift 2
    STARTED+=("$part")
    printf '%s users-fcgi: starting %s\n' "$(date -u '+%F %T')" "$part" >>"$STATE/$log"
    (cd -- "$STATE" && exec setsid -- "$@" </dev/null >>"$log" 2>&1 8>&- 9>&-) &
    printf '%s\n' "$!" >"$STATE/run/$part.pid"
}

# members PART: the living processes of a part, the leader first. A pid file may be older than the process that has
# the number now; a process counts only when it is in the leader's group and works in $STATE.
members() {
    local leader dir line name state group
    { read -r leader <"$STATE/run/$1.pid"; } 2>/dev/null || return 0
    for dir in "/proc/$leader" /proc/[0-9]*; do
        # pid (name) state parent group ...; the name may hold anything.
        { read -r line <"$dir/stat"; } 2>/dev/null || continue
        read -r state _ group _ <<<"${line##*) }"
        [[ $group == "$leader" && $state != Z ]] || continue
        name=${line#*\(}
        if works_in_state "$dir" "${name%)*}"; then
            printf '%s\n' "${dir#/proc/}"
        elif [[ $dir == "/proc/$leader" ]]; then
            return 0
        fi
    done | awk '!seen[$0]++'
}

# works_in_state DIR NAME: whether the process at DIR of /proc works in $STATE. A worker or courier cannot be dumped, so
# only root may look where it works; its name and group must do.
works_in_state() {
    local cwd
    cwd=$(readlink -- "$1/cwd" 2>/dev/null) || { [[ $2 == users-fcgi || $2 == users-courier ]]; return; }
    [[ $cwd == "$STATE" || $cwd == "$STATE"/* ]]
}

# The process id of a part's leader; nothing, and false, when it does not run.
leader_of() {
    local leader
    { read -r leader <"$STATE/run/$1.pid"; } 2>/dev/null || return 1
    members "$1" | grep -x -- "$leader"
}

runs() { leader_of "$1" >/dev/null; }

# Nothing of it is left, not even workers that outlived their leader.
is_gone() { [[ -z $(members "$1") ]]; }

# stop_part PART: ends it gracefully, after a while by force; nothing of it is left.
stop_part() {
    local part=$1 leader signal=TERM seconds=15
    case $part in
    nginx) signal=QUIT ;;     # answers what it has accepted
    courier) seconds=340 ;;   # finishes the message it is at
    database) seconds=60 ;;   # writes its buffers back
    esac
    leader=$(leader_of "$part" || true)
    [[ -z $leader ]] || kill -s "$signal" -- "$leader" 2>/dev/null || true
    if [[ -n $leader ]] && wait_until "$seconds" "" is_gone "$part"; then
        say "$part: stopped"
    elif ! is_gone "$part"; then
        # The leader died first, or it hangs.
        members "$part" | while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done
        wait_until 10 "" is_gone "$part" || fail "$part: cannot be stopped, process $(members "$part" | head -n 1)"
        say "$part: stopped by force"
    fi
    rm -f -- "$STATE/run/$part.pid"
}

# print_config: $CONF and what the environment says (USERS_FCGI_...), each value with where it comes from.
print_config() {
    local message
    message=$("$BIN/users-fcgi" --config "$CONF" --print-config 2>&1) ||
        fail "the configuration is refused: $message" "" "correct it and start again"
    printf '%s\n' "$message"
}

# Writes the configuration of all programs of the stack: print_config's, and what this stack decides. No other setting reaches
# them, so the variables are unset.
write_config() {
    local name sender
    for name in "${!USERS_FCGI_@}" STATE ROOT; do
        # A comment begins with #.
        [[ ${!name} != *[#$'\n']* ]] || fail "$name is '${!name}': no value of a configuration can hold a # or a line end"
    done
    [[ -z $VERIFICATION ]] || export USERS_FCGI_VERIFICATION=$VERIFICATION
    sender=$(print_config | sed -n '/ # default$/d; /^\[sms\]/,$ s/^command = \(.*\)  # .*/\1/p')
    ln -sfn -- "$(realpath -m -- "${sender:-$ROOT/conf/send-sms/spool}")" "$STATE/send-sms"
    export USERS_FCGI_SMS_COMMAND=$STATE/send-sms
    USERS_FCGI_DATABASE_HOSTS=$(mariadb_socket)
    export USERS_FCGI_DATABASE_HOSTS
    export USERS_FCGI_DATABASE_PASSWORD_FILE=$STATE/secrets/service_password
    export USERS_FCGI_DATABASE_MIGRATION_PASSWORD_FILE=$STATE/secrets/migration_password
    export USERS_FCGI_DATABASE_MIGRATIONS=$ROOT/sql/migrations
    export USERS_FCGI_LOG_DIRECTORY=$STATE/log/users
    export USERS_FCGI_METRICS_FILE=$STATE/run/metrics
    export USERS_FCGI_SECRETS_KEY_FILE=$STATE/secrets/key
    {
        printf '# Written by scripts/start from %s. The next start overwrites it.\n' "$CONF"
        print_config |
            awk '/^\[/ { section = "\n" $0 "\n"; next } NF && !/ # default$/ { printf "%s%s\n", section, $0; section = "" }'
    } >"$STATE/users.conf.new"
    # An unchanged file keeps its time, which doctor compares with the start of the processes.
    cmp -s -- "$STATE/users.conf.new" "$STATE/users.conf" || mv -- "$STATE/users.conf.new" "$STATE/users.conf"
    rm -f -- "$STATE/users.conf.new"
    unset "${!USERS_FCGI_@}"
}

# run_sql [ARGUMENTS...]: the client as the database's administrator, who is the system user that made it.
run_sql() {
    mariadb --no-defaults --socket="$(mariadb_socket)" --user="$USER_NAME" --default-character-set=utf8mb4 --binary-as-hex "$@"
}
