# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this file
# The local stack: where its parts live, and how to start, recognise and stop a part. Sourced by the scripts.

program=${0##*/}

# say WHAT: one line of progress.
say() { printf '%s\n' "$*"; }

# fail WHAT [LOG] [ADVICE]: prints what failed, the end of LOG, and what to do; exits 1.
fail() {
    printf '%s: %s\n' "$program" "$1" >&2
    if [[ -n ${2:-} ]]; then
        printf '  log: %s\n' "$2" >&2
        [[ ! -s $2 ]] || tail -n 5 -- "$2" | sed 's/^/    | /' >&2
    fi
    [[ -z ${3:-} ]] || printf '  to do: %s\n' "$3" >&2
    exit 1
}

# Creates run/, a link to a folder under /tmp: a socket's path may have 107 bytes, but the state folder's may be longer.
# A reboot may have emptied /tmp, and only a folder owned by this user is trusted there.
make_run_folder() {
    local folder
    if [[ ! -L $STATE/run || ! -d $STATE/run/ || ! -O $STATE/run/ ]]; then
        folder=$(mktemp -d /tmp/users-fcgi-XXXXXX) || fail "cannot make a folder for the sockets under /tmp"
        ln -sfn -- "$folder" "$STATE/run"
    fi
}

# run_path NAME: the short path of a file in run/.
run_path() { printf '%s/%s' "$(readlink -- "$STATE/run")" "$1"; }

mariadb_socket() { run_path mariadb.sock; }

# short FILE: the file's name for messages, relative to the current folder if it is below it.
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
    # For a host of scripts/cluster: where nginx listens, whose X-Forwarded-For it believes, the other hosts' databases, and the
    # settings of its database.
    ADDRESS=${ADDRESS:-127.0.0.1}
    BALANCER=${BALANCER:-}
    OTHER_DATABASES=${OTHER_DATABASES:-}
    NODE=${NODE:-}
    WORKERS=${WORKERS:-4}
    FAST_WORKERS=${FAST_WORKERS:-4}
    VERIFICATION=${VERIFICATION:-}
    LIMITS=${LIMITS:-}
    PARTS=(database hash fast courier nginx)
    USER_NAME=$(id -un)
    # On Debian, the PATH of ordinary users lacks the folder of mariadbd and nginx.
    PATH=$PATH:/usr/sbin
    # Only the owner may read passwords, hashes and log lines.
    umask 077
    # multiwatch expects ASCII arguments unless told otherwise, and the state folder's name may have other characters.
    export CHARSET=UTF-8
}

check_settings() {
    # unix: nginx listens on run/nginx.sock, so that tests need no free port.
    if [[ $PORT != unix ]] && { [[ ! $PORT =~ ^[1-9][0-9]{0,4}$ ]] || ((PORT > 65535)); }; then
        fail "PORT is '$PORT', it must be a number from 1 to 65535, or unix"
    fi
    [[ $WORKERS =~ ^[1-9][0-9]{0,2}$ ]] || fail "WORKERS is '$WORKERS', it must be a number from 1 to 999"
    [[ $FAST_WORKERS =~ ^[1-9][0-9]{0,2}$ ]] || fail "FAST_WORKERS is '$FAST_WORKERS', it must be a number from 1 to 999"
    [[ $VERIFICATION =~ ^(issued|format)?$ ]] || fail "VERIFICATION is '$VERIFICATION', it must be issued or format"
    [[ $LIMITS =~ ^(site|off)?$ ]] || fail "LIMITS is '$LIMITS', it must be site (those of nginx/users_site.conf) or off"
}

# Relative to $STATE: nginx and the pools run there, so their configurations need no absolute path. run/ contains pid
# files and sockets: run/hash.sock and run/fast.sock of the pools, mariadb.sock, sample.sock of the protected sample,
# nginx.sock if PORT is unix.
# Error output of the processes:
MARIADB_LOG=log/mariadb.log
WORKERS_LOG=log/workers.log
NGINX_LOG=log/nginx-error.log
# Shows clean-state that it may remove the folder.
MARKER=.users-fcgi-state

# parts_of ARGUMENTS...: sets CHOSEN to the named parts in starting order, or to all parts. "pool" means both pools.
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

# Only one start, stop or reload at a time. The lock is file descriptor 9; launch() keeps daemons from inheriting it.
lock_state() {
    exec 9>"$STATE/lock"
    if ! flock -n 9; then
        say "waiting: another start or stop works on $(short "$STATE")"
        flock -w 300 9 || fail "another start or stop still works on $STATE after 5 minutes"
    fi
    [[ $STATE/lock -ef /dev/fd/9 ]] || fail "$STATE was removed in the meantime" "" "try again"
}

# wait_until SECONDS PID COMMAND...: polls COMMAND; fails on timeout or when process PID has ended.
wait_until() {
    local deadline=$((SECONDS + $1)) pid=$2
    shift 2
    until "$@"; do
        [[ -z $pid || -d /proc/$pid ]] || return 1
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# launch PART LOG COMMAND...: runs a daemon in $STATE, in its own session: Ctrl-C or a closed terminal does not reach
# it, and its process group identifies its children.
launch() {
    local part=$1 log=$2
    shift 2
    STARTED+=("$part")
    printf '%s users-fcgi: starting %s\n' "$(date -u '+%F %T')" "$part" >>"$STATE/$log"
    (cd -- "$STATE" && exec setsid -- "$@" </dev/null >>"$log" 2>&1 8>&- 9>&-) &
    printf '%s\n' "$!" >"$STATE/run/$part.pid"
}

# members PART: the living processes of a part, the leader first. The number in a pid file may have been reused: a
# process counts only if it is in the leader's group and works in $STATE.
members() {
    local leader dir line name state group
    { read -r leader <"$STATE/run/$1.pid"; } 2>/dev/null || return 0
    for dir in "/proc/$leader" /proc/[0-9]*; do
        # pid (name) state parent group ...; the name may contain anything.
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

# works_in_state DIR NAME: whether the process at DIR of /proc works in $STATE. A worker or courier is not dumpable, so
# only root can see its folder; its name and group must suffice.
works_in_state() {
    local cwd
    cwd=$(readlink -- "$1/cwd" 2>/dev/null) || { [[ $2 == users-fcgi || $2 == users-courier ]]; return; }
    [[ $cwd == "$STATE" || $cwd == "$STATE"/* ]]
}

# The process id of a part's leader; prints nothing and fails if it is not running.
leader_of() {
    local leader
    { read -r leader <"$STATE/run/$1.pid"; } 2>/dev/null || return 1
    members "$1" | grep -x -- "$leader"
}

runs() { leader_of "$1" >/dev/null; }

# True if no process is left, not even workers that outlived their leader.
is_gone() { [[ -z $(members "$1") ]]; }

# stop_part PART: stops it gracefully, after a while by force; no process is left.
stop_part() {
    local part=$1 leader signal=TERM seconds=15
    case $part in
    nginx) signal=QUIT ;;     # answers the requests it has accepted
    courier) seconds=340 ;;   # finishes the current message
    database) seconds=60 ;;   # flushes its buffers
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

# print_config: $CONF and the environment's settings (USERS_FCGI_...), each value with its origin.
print_config() {
    local message
    message=$("$BIN/users-fcgi" --config "$CONF" --print-config 2>&1) ||
        fail "the configuration is refused: $message" "" "correct it and start again"
    printf '%s\n' "$message"
}

# Writes the configuration for all programs of the stack: print_config's, and this stack's own settings. The variables
# are then unset, so that nothing else takes effect.
write_config() {
    local name sender
    for name in "${!USERS_FCGI_@}" STATE ROOT; do
        # A # would begin a comment.
        [[ ${!name} != *[#$'\n']* ]] || fail "$name is '${!name}': a value of the configuration cannot contain a # or a newline"
    done
    [[ -z $VERIFICATION ]] || export USERS_FCGI_VERIFICATION=$VERIFICATION
    sender=$(print_config | sed -n '/ # default$/d; /^\[sms\]/,$ s/^command = \(.*\)  # .*/\1/p')
    ln -sfn -- "$(realpath -m -- "${sender:-$ROOT/conf/send-sms/spool}")" "$STATE/send-sms"
    export USERS_FCGI_SMS_COMMAND=$STATE/send-sms
    USERS_FCGI_DATABASE_HOSTS=$(mariadb_socket)${OTHER_DATABASES:+,$OTHER_DATABASES}
    export USERS_FCGI_DATABASE_HOSTS
    export USERS_FCGI_DATABASE_PASSWORD_FILE=$STATE/secrets/service_password
    export USERS_FCGI_DATABASE_MIGRATION_PASSWORD_FILE=$STATE/secrets/migration_password
    export USERS_FCGI_DATABASE_MIGRATIONS=$ROOT/sql/migrations
    export USERS_FCGI_LOG_DIRECTORY=$STATE/log/users
    export USERS_FCGI_METRICS_FILE=$STATE/run/metrics
    export USERS_FCGI_SECRETS_KEY_FILE=$STATE/secrets/key
    if [[ $(print_config | sed -n '/^\[passkey\]/,$ s/^rp_id = \([^ ]*\) .*/\1/p') == localhost ]]; then
        USERS_FCGI_PASSKEY_ORIGINS=${USERS_FCGI_PASSKEY_ORIGINS:-http://localhost$([[ $PORT == unix ]] || echo ":$PORT")}
        export USERS_FCGI_PASSKEY_ORIGINS
    fi
    {
        printf '# Written by scripts/start from %s. The next start overwrites it.\n' "$CONF"
        print_config |
            awk '/^\[/ { section = "\n" $0 "\n"; next } NF && !/ # default$/ { printf "%s%s\n", section, $0; section = "" }'
    } >"$STATE/users.conf.new"
    # An unchanged file keeps its time, which doctor compares with the processes' start.
    cmp -s -- "$STATE/users.conf.new" "$STATE/users.conf" || mv -- "$STATE/users.conf.new" "$STATE/users.conf"
    rm -f -- "$STATE/users.conf.new"
    unset "${!USERS_FCGI_@}"
}

# run_sql [ARGUMENTS...]: the client as the database's administrator, the system user who created it.
run_sql() {
    mariadb --no-defaults --socket="$(mariadb_socket)" --user="$USER_NAME" --default-character-set=utf8mb4 --binary-as-hex "$@"
}
