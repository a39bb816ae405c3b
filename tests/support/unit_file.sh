# shellcheck shell=bash
# Runs the command lines of installed systemd units as systemd would, as far as that is possible without it: environment,
# user, umask, niceness, no capabilities, no new privileges. Sourced by tests/support/package_life; ROOT is their Debian.

# unit_values UNIT KEY: prints each value of a key, from the unit and its drop-ins.
unit_values() {
    local files=("$ROOT/lib/systemd/system/$1") file
    for file in "$ROOT/etc/systemd/system/$1".d/*.conf; do [[ ! -e $file ]] || files+=("$file"); done
    sed -n "s/^$2=//p" "${files[@]}"
}

# The last one wins.
unit_value() { unit_values "$@" | tail -n 1; }

# unit_conditions_hold UNIT: checks what systemd checks before it starts the unit.
unit_conditions_hold() {
    local path
    for path in $(unit_values "$1" ConditionPathExists); do [[ -e $ROOT$path ]] || return 1; done
}

# unit_credentials UNIT: copies the files of LoadCredential for the unit's user, to the folder for %d.
unit_credentials() {
    local pair folder=$ROOT/run/credentials/$1
    rm -rf -- "$folder"
    install -d -m 0700 -- "$folder"
    while IFS= read -r pair; do
        [[ -z $pair ]] || install -m 0400 -- "$ROOT${pair#*:}" "$folder/${pair%%:*}" || return 1
    done < <(unit_values "$1" LoadCredential)
    chroot "$ROOT" chown -R "$(unit_value "$1" User)" "/run/credentials/$1"
}

# unit_command UNIT LINE [MAINPID]: sets COMMAND to a command that runs the unit's line.
unit_command() {
    local unit=$1 line=$2 pair user nice
    local -a environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin)
    while IFS= read -r pair; do [[ -z $pair ]] || environment+=("${pair//%d//run/credentials/$unit}"); done < <(unit_values "$unit" Environment)
    [[ -z ${3:-} ]] || environment+=("MAINPID=$3")
    # The last of the same name wins, so replace from last to first.
    local i
    for ((i = ${#environment[@]} - 1; i >= 0; i--)); do
        line=${line//"\${${environment[i]%%=*}}"/"${environment[i]#*=}"}
        line=${line//"\$${environment[i]%%=*}"/"${environment[i]#*=}"}
    done
    user=$(unit_value "$unit" User)
    nice=$(unit_value "$unit" Nice)
    local -a words
    read -ra words <<<"$line"
    # shellcheck disable=SC2016  # the inner shell expands it
    COMMAND=(chroot "$ROOT" /usr/bin/prlimit --core="$(unit_value "$unit" LimitCORE)"
        /usr/bin/setpriv --reuid "$user" --regid "$(unit_value "$unit" Group)" --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all
        /usr/bin/env -i "${environment[@]}" /bin/sh -c "umask $(unit_value "$unit" UMask)"' && exec "$@"' sh
        /usr/bin/nice -n "${nice:-0}" "${words[@]}")
}

# unit_start UNIT: runs ExecStartPre, then ExecStart in the background with its process id in MAIN[UNIT].
declare -A MAIN=()
unit_start() {
    unit_conditions_hold "$1" && unit_credentials "$1" || return 1
    unit_command "$1" "$(unit_value "$1" ExecStartPre)"
    "${COMMAND[@]}" || return 1
    unit_command "$1" "$(unit_value "$1" ExecStart)"
    setsid "${COMMAND[@]}" </dev/null >>"$WORK/$1.log" 2>&1 &
    MAIN[$1]=$!
}

unit_reload() {
    unit_command "$1" "$(unit_value "$1" ExecReload)" "${MAIN[$1]}"
    "${COMMAND[@]}"
}

# unit_workers UNIT: prints the processes below multiwatch.
unit_workers() { tr ' ' '\n' <"/proc/${MAIN[$1]}/task/${MAIN[$1]}/children" | grep . | sort; }

# unit_stop UNIT: TERM to the main process, like KillMode=mixed; it and its children must end in time.
unit_stop() {
    local pids=("${MAIN[$1]}")
    [[ $(unit_value "$1" KillMode) == mixed ]] || return 1
    mapfile -t -O 1 pids < <(unit_workers "$1")
    kill -TERM "${MAIN[$1]}"
    wait_until "$(unit_value "$1" TimeoutStopSec)" gone "${pids[@]}"
}

# gone PID...: checks that none is left, except zombies that their parent has not reaped.
gone() {
    local pid
    for pid; do ! grep -qs '^State:[[:space:]]*[^Z]' "/proc/$pid/status" || return 1; done
}
