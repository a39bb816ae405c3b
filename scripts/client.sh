# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this file
# Shared by the client scripts, which source it: arguments, sending, the token file, exit codes. Secrets travel through
# standard input and file descriptors, never through arguments that process lists show.

program=${0##*/}
URL=${USERS_URL:-http://127.0.0.1:8000/users}
URL=${URL%/}
TOKEN_FILE=${USERS_TOKEN_FILE:-${XDG_STATE_HOME:-${HOME:-}/.local/state}/users-fcgi/token}

exit_status() {
    cat <<'END'

environment:
  USERS_URL         the service; default http://127.0.0.1:8000/users
  USERS_TOKEN_FILE  the file of the session's token; default users-fcgi/token below $XDG_STATE_HOME, or below
                    ~/.local/state if that is not set

exit status:
  0  done
  1  refused: bad arguments, wrong password or code, not logged in, too many requests (codes 10xx)
  2  wrong use of this command
  3  the service has a problem (codes 90xx)
  4  no service at this address, or the reply is not from the service
END
}

complain() { printf '%s: %s\n' "$program" "$1" >&2; }

wrong_use() {
    usage >&2
    exit 2
}

# take_password ARGUMENT [PROMPT]: sets PASSWORD to it; - reads a line from standard input, without echo on a terminal.
take_password() {
    PASSWORD=$1
    [[ $PASSWORD == - ]] || return 0
    if [[ -t 0 ]]; then
        IFS= read -rsp "${2:-password: }" PASSWORD || true
        echo >&2
    else
        IFS= read -r PASSWORD || true
    fi
    [[ -n $PASSWORD ]] || {
        complain "no password on standard input"
        exit 2
    }
}

# read_line PROMPT: sets LINE to a line of standard input; prompts on a terminal.
read_line() {
    [[ ! -t 0 ]] || printf '%s' "$1" >&2
    IFS= read -r LINE || true
    [[ -n $LINE ]] || {
        complain "nothing on standard input"
        exit 2
    }
}

# The arguments of a second factor.
SECOND=()

# take_second_options ARGUMENT...: sets SECOND by a leading --totp CODE or --recovery CODE, and REST to what follows. If
# CODE is - it is read from standard input.
take_second_options() {
    REST=("$@")
    case ${1:-} in --totp | --recovery) ;; *) return ;; esac
    [[ -n ${2:-} ]] || wrong_use
    LINE=$2
    [[ $LINE != - ]] || read_line "${1#--} code: "
    SECOND=(totp "$LINE")
    [[ $1 == --totp ]] || SECOND=(recovery_code "$LINE")
    REST=("${@:3}")
}

# ask_second_factor: asks for it and sets SECOND.
ask_second_factor() {
    read_line 'code of the authenticator app, or a recovery code: '
    SECOND=(totp "$LINE")
    [[ $LINE =~ ^[0-9\ ]*$ && ${#LINE} -lt 10 ]] || SECOND=(recovery_code "$LINE")
}

# The language of the messages follows the user's locale.
language() {
    case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in zh*) echo zh ;; *) echo en ;; esac
}

# curl options that once sets.
ONCE=()

# request METHOD PATH [NAME VALUE]...: sends these arguments, and sets REPLY_TEXT, CODE and MESSAGE. Exits with status 4
# if the service does not answer. If TOKEN is set, the request uses that session.
request() {
    local method=$1 path=$2 data=() value
    shift 2
    for ((; $# > 1; )); do
        exec {value}< <(printf '%s' "$2")
        data+=(--data-urlencode "$1@/dev/fd/$value")
        shift 2
    done
    if ! REPLY_TEXT=$(curl --silent --show-error --max-time 60 --request "$method" ${data[@]+"${data[@]}"} \
        --header "Accept-Language: $(language)" --header 'Accept: text/plain' \
        --config <([[ -z ${TOKEN:-} ]] || printf 'header = "Authorization: Bearer %s"\n' "$TOKEN") \
        ${ONCE[@]+"${ONCE[@]}"} -- "$URL/$path" 2> >(tail -n 1 >&2)); then
        complain "no answer from $URL: is the service started? (make start)"
        exit 4
    fi
    # curl prints the reply of every attempt: use the last one.
    [[ $REPLY_TEXT != *$'\n'code=* ]] || REPLY_TEXT=code=${REPLY_TEXT##*$'\n'code=}
    CODE=$(value_of code)
    MESSAGE=$(value_of msg)
    if [[ ! $CODE =~ ^(0|10..|90..)$ ]]; then
        complain "$URL does not answer as the service does"
        exit 4
    fi
}

# request_with_second METHOD PATH [NAME VALUE]...: a request with SECOND. On a terminal asks for it if it is needed.
request_with_second() {
    request "$@" ${SECOND[@]+"${SECOND[@]}"}
    if [[ $CODE == 1013 && -t 0 ]]; then
        ask_second_factor
        request "$@" "${SECOND[@]}"
    elif [[ $CODE == 1013 ]]; then
        complain "the account has an authenticator app: run this again with --totp CODE or --recovery CODE before the phone"
    fi
    tell_recovery_codes_left
}

# request_fresh METHOD PATH [NAME VALUE]...: a request that needs a fresh session. If it is not, asks for the password, and for a second
# factor if the account has one, and sends it again.
request_fresh() {
    request "$@"
    [[ $CODE == 1014 ]] || return 0
    take_password - 'password, to confirm that it is you: '
    request POST confirm password "$PASSWORD"
    if [[ $CODE == 1013 ]]; then
        ask_second_factor
        request POST confirm password "$PASSWORD" "${SECOND[@]}"
    fi
    [[ $CODE == 0 ]] || finish
    tell_recovery_codes_left
    request "$@"
}

# tell_recovery_codes_left: after a request in which one was used.
tell_recovery_codes_left() {
    local left advice='; make new ones with totp --recovery-codes'
    left=$(value_of recovery_codes_left)
    ((${left:-0} < 3)) || advice=''
    [[ -z $left ]] || complain "recovery codes left: $left$advice"
}

# value_of NAME: a value from the reply's lines.
value_of() { sed -n "s/^$1=//p" <<<"$REPLY_TEXT"; }

# once: allows curl to resend the next request, since the service carries it out once. If the first attempt succeeded
# and its reply was lost, the key gets the same reply again.
once() {
    ONCE=(--header "Idempotency-Key: $(od -An -v -N 16 -tx1 /dev/urandom | tr -d ' \n')"
        --retry 3 --retry-connrefused --retry-max-time 15)
}

# finish: prints the message, and when to try again; exits with the status for the code.
finish() {
    local wait fields
    wait=$(value_of retry_after)
    case $CODE in
    0)
        printf '%s\n' "$MESSAGE"
        exit 0
        ;;
    10??)
        fields=$(value_of fields)
        printf '%s%s%s\n' "$MESSAGE" "${fields:+: $fields}" "${wait:+ ($wait s)}"
        exit 1
        ;;
    *)
        printf '%s\n' "$MESSAGE"
        exit 3
        ;;
    esac
}

# keep_token TOKEN: writes it with access for the owner only, replacing an older file as a whole.
keep_token() {
    local new
    (umask 077 && mkdir -p -- "$(dirname -- "$TOKEN_FILE")") && new=$(umask 077 && mktemp -- "$TOKEN_FILE.XXXXXX") ||
        return 1
    { printf '%s\n' "$1" >"$new" && mv -fT -- "$new" "$TOKEN_FILE"; } || {
        rm -f -- "$new"
        return 1
    }
}

# load_token: sets TOKEN, or exits.
load_token() {
    { IFS= read -r TOKEN <"$TOKEN_FILE"; } 2>/dev/null || TOKEN=''
    if [[ ! $TOKEN =~ ^[A-Za-z0-9_-]+$ ]]; then
        complain "nobody is logged in: $TOKEN_FILE holds no token; use login first"
        exit 1
    fi
}
