# shellcheck shell=bash
# Shared by the programs of this folder: the message, settings, secrets, signatures, the request and its result. Sourced
# by a program that has set PROVIDER, its name and the prefix of its settings. Nothing here prints the code, the text or
# a secret, or passes them as arguments, which every user of the machine can read.

export LC_ALL=C           # a character is a byte
shopt -s inherit_errexit  # a failure inside $(...) also ends the program

# Exit codes for users-courier, each with a line for the log.
complain() { printf 'send-sms %s: %s\n' "$PROVIDER" "$1" >&2; }
give_up() { complain "$1"; exit 1; }
try_later() { complain "$1, to be tried again"; exit 75; } # EX_TEMPFAIL
bad_config() { complain "$1"; exit 78; }                   # EX_CONFIG

# --- Settings ---------------------------------------------------------------------------------------------------------

# Defaults; settings without one must be in the file if the program needs them.
declare -A SETTINGS=(
    [timeout]=10
    [aliyun_endpoint]=https://dysmsapi.aliyuncs.com
    [tencent_endpoint]=https://sms.tencentcloudapi.com
    [tencent_region]=ap-guangzhou
    [tencent_params]=code
    [twilio_endpoint]=https://api.twilio.com
)
KNOWN_KEYS='timeout|webhook_(url|secret_file)|aliyun_(endpoint|access_key_id|access_key_secret_file|sign_name)'
KNOWN_KEYS+='|tencent_(endpoint|region|secret_id|secret_key_file|app_id|sign_name|params)'
KNOWN_KEYS+='|twilio_(endpoint|account_sid|api_key_sid|secret_file|from|messaging_service_sid)'
TEMPLATE_KEYS='(aliyun|tencent)_template(_abroad|(_(regist|login|reset|phone))?(_(zh|en))?)'

# load_settings KEY...: reads the file CONF into SETTINGS; each KEY must then have a value.
load_settings() {
    local line key value number=0
    local -A seen=()
    CONF=${SEND_SMS_CONF:-/etc/users-fcgi/send-sms.conf}
    [[ -f $CONF && -r $CONF ]] ||
        bad_config "$CONF cannot be read: copy send-sms.conf.example there, or name another file in SEND_SMS_CONF"
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        [[ ! $line =~ ^[[:space:]]*(#|$) ]] || continue
        [[ $line =~ ^[[:space:]]*([A-Za-z0-9_]+)[[:space:]]*=[[:space:]]*(.*[^[:space:]])[[:space:]]*$ ]] ||
            bad_config "$CONF:$number: is not of the form key = value"
        key=${BASH_REMATCH[1]}
        value=${BASH_REMATCH[2]}
        [[ $key =~ ^($KNOWN_KEYS|$TEMPLATE_KEYS)$ ]] || bad_config "$CONF:$number: unknown key $key"
        [[ -z ${seen[$key]:-} ]] || bad_config "$CONF:$number: $key is set twice"
        seen[$key]=yes
        SETTINGS[$key]=$value
    done <"$CONF"
    for key; do require_setting "$key"; done
    [[ ${SETTINGS[timeout]} =~ ^([1-9]|[1-5][0-9]|60)$ ]] || bad_config "$CONF: timeout must be 1 to 60 seconds"
}

require_setting() { [[ -n ${SETTINGS[$1]:-} ]] || bad_config "$CONF: $1 is missing"; }

# check_url KEY [PATH]: the setting must be an https URL; http only to this machine. With PATH the URL may have a path.
check_url() {
    local url=${SETTINGS[$1]} path=${2:+(/[^[:space:]]*)?}
    [[ $url =~ ^https://[A-Za-z0-9.-]+(:[0-9]+)?$path$ || $url =~ ^http://(127\.0\.0\.1|localhost)(:[0-9]+)?$path$ ]] ||
        bad_config "$CONF: $1 must be https://HOST${2:+/PATH} (http:// only for 127.0.0.1 or localhost)"
    # curl omits a default port, so a signature must omit it too.
    [[ ! $url =~ ^(https://[^/:]+):443(/.*)?$ && ! $url =~ ^(http://[^/:]+):80(/.*)?$ ]] ||
        SETTINGS[$1]=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
}

# choose_template: sets TEMPLATE to the most specific setting for the message: PROVIDER_template_regist_en before
# _template_regist before _template_en before _template; for a number outside China first _template_abroad.
choose_template() {
    local suffix suffixes=("_${MSG[purpose]}_${MSG[language]}" "_${MSG[purpose]}" "_${MSG[language]}" "")
    [[ ${MSG[phone]} == +86* ]] || suffixes=(_abroad "${suffixes[@]}")
    for suffix in "${suffixes[@]}"; do
        TEMPLATE=${SETTINGS[${PROVIDER}_template$suffix]:-}
        [[ -z $TEMPLATE ]] || return 0
    done
    bad_config "$CONF: ${PROVIDER}_template is missing"
}

# read_secret KEY: sets SECRET to the content of the file named by the setting, without the final newline.
read_secret() {
    local file=${SETTINGS[$1]} mode
    [[ -f $file && -r $file ]] || bad_config "$CONF: $1: $file cannot be read"
    mode=$(stat -L -c %a -- "$file")
    [[ $mode =~ ^[46]00$ ]] || bad_config "$CONF: $1: $file is open to others: chmod 0600 it"
    IFS= read -r -d '' SECRET <"$file" || true
    SECRET=${SECRET%$'\n'}
    [[ -n $SECRET ]] || bad_config "$CONF: $1: $file is empty: write the secret into it"
    [[ $SECRET != *$'\n'* ]] || bad_config "$CONF: $1: $file has more than one line"
}

# --- The message ------------------------------------------------------------------------------------------------------

declare -A MSG

# read_message: sets MESSAGE to the line on standard input, MSG to its members.
read_message() {
    IFS= read -r MESSAGE || [[ -n $MESSAGE ]] || give_up "the message on standard input is missing"
    take_member id '[0-9]+'
    take_member code '[0-9]+'
    take_member phone '\+[1-9][0-9]{5,14}'
    take_member language 'zh|en'
    take_member purpose 'regist|login|reset|phone'
    take_member text '.+'
}

# take_member NAME PATTERN. In JSON, a quote inside a string has a backslash before it, so no value can contain ,"NAME":
# .
take_member() {
    local string="[{,]\"$1\":\"(([^\"\\\\]|\\\\.)*)\"" number="[{,]\"$1\":([0-9]+)[,}]"
    [[ $MESSAGE =~ $string || $MESSAGE =~ $number ]] || give_up "the message on standard input has no $1"
    unescape "${BASH_REMATCH[1]}"
    [[ $UNESCAPED =~ ^($2)$ ]] || give_up "the message on standard input has a bad $1"
    MSG[$1]=$UNESCAPED
}

# unescape TEXT: sets UNESCAPED to the value of a JSON string. users-courier writes \u only for control characters.
unescape() {
    local text=$1 char
    UNESCAPED=''
    while [[ $text == *\\* ]]; do
        UNESCAPED+=${text%%\\*}
        text=${text#*\\}
        case $text in
        [bfnrt]*) printf -v char '%b' "\\${text:0:1}" ;;
        u0000*) give_up "the message on standard input contains a NUL" ;;
        u00[0-7][0-9a-fA-F]*) printf -v char '%b' "\\x${text:3:2}" && text=${text:4} ;;
        u*) give_up "the message on standard input has a \\u that is not a control character" ;;
        *) char=${text:0:1} ;;
        esac
        UNESCAPED+=$char
        text=${text:1}
    done
    UNESCAPED+=$text
}

# json_string TEXT: TEXT as a JSON string (RFC 8259).
json_string() {
    local text=${1//\\/\\\\} i char
    text=${text//\"/\\\"}
    for ((i = 1; i < 32; i++)); do
        printf -v char '%b' "\\x$(printf %02x "$i")"
        text=${text//"$char"/"\\u$(printf %04x "$i")"}
    done
    printf '"%s"' "$text"
}

# percent_encode TEXT: TEXT encoded for a query or a form (RFC 3986).
percent_encode() {
    local i char number encoded=''
    for ((i = 0; i < ${#1}; i++)); do
        char=${1:i:1}
        if [[ $char != [A-Za-z0-9._~-] ]]; then
            printf -v number %d "'$char"
            printf -v char '%%%02X' $((number & 255))
        fi
        encoded+=$char
    done
    printf '%s' "$encoded"
}

# --- Signatures -------------------------------------------------------------------------------------------------------

# Hashes standard input; hexadecimal.
sha256() {
    local sum
    sum=$(sha256sum)
    printf '%s' "${sum%% *}"
}
hex() { od -An -v -tx1 | tr -d ' \n'; }

# bytes HEX: the bytes of HEX.
bytes() {
    local i escaped=''
    for ((i = 0; i < ${#1}; i += 2)); do escaped+="\\x${1:i:2}"; done
    printf '%b' "$escaped"
}

# hmac_sha256 KEY: for standard input; hexadecimal, as is KEY (RFC 2104). openssl would need the key as an argument.
hmac_sha256() {
    local key=$1 inner='' outer='' i
    ((${#key} <= 128)) || key=$(bytes "$key" | sha256)
    while ((${#key} < 128)); do key+=00; done
    for ((i = 0; i < 128; i += 2)); do
        printf -v inner '%s%02x' "$inner" $((16#${key:i:2} ^ 0x36))
        printf -v outer '%s%02x' "$outer" $((16#${key:i:2} ^ 0x5c))
    done
    inner=$({ bytes "$inner" && cat; } | sha256)
    bytes "$outer$inner" | sha256
}

# --- The request ------------------------------------------------------------------------------------------------------

# option NAME VALUE: a line of curl's configuration.
option() {
    local value=${2//\\/\\\\}
    value=${value//\"/\\\"}
    value=${value//$'\n'/\\n}
    value=${value//$'\r'/\\r}
    printf '%s = "%s"\n' "$1" "$value"
}

# curl_options URL BODY HEADER...: curl reads them from standard input, so that process lists do not show them.
curl_options() {
    option url "$1"
    # Never use a proxy for this machine: it could not reach it, and would see the code over http.
    [[ ! ${1,,} =~ ^https?://(127(\.[0-9]+){3}|([a-z0-9.-]+\.)?localhost)(:[0-9]+)?(/|$) ]] || option noproxy '*'
    # curl rejects an empty value.
    if [[ -n $2 ]]; then option data-raw "$2"; else option data @/dev/null; fi
    shift 2
    local header
    for header; do option header "$header"; done
}

# Maximum bytes to read from a reply, including headers. Providers send one or two thousand.
REPLY_LIMIT=65536

# request URL BODY HEADER...: prints the reply without NULs and carriage returns; returns curl's exit code.
request() {
    local curl
    exec 3< <(exec curl --disable --config - --silent --include --suppress-connect-headers --globoff \
        --proto '=http,https' --connect-timeout 3 --max-time "${SETTINGS[timeout]}" < <(curl_options "$@"))
    curl=$!
    head -c "$REPLY_LIMIT" <&3 | tr -d '\000\r'
    # Otherwise curl would keep reading trailers, which it stores in memory.
    if IFS= read -r -d '' -n 1 -u 3 _; then kill "$curl" || true; fi
    wait "$curl"
}

# split_reply TEXT: sets STATUS and REPLY to the status and the body. Skips provisional replies (1xx): STATUS is empty
# if nothing follows.
split_reply() {
    local head
    STATUS='' REPLY=$1
    while [[ -z $STATUS && $REPLY =~ ^HTTP/[0-9.]+\ +([0-9]{3}) ]]; do
        STATUS=${BASH_REMATCH[1]#1??}
        head=${REPLY%%$'\n\n'*}
        REPLY=${REPLY:${#head}+2}
    done
}

# post URL BODY HEADER...: sets STATUS and REPLY. If there is no reply, or the server has a fault or is overloaded, ends
# the program with "try again". Once the status has arrived, it does not matter how the reply ends: after a 2xx the
# message may have been sent and must not be sent again.
post() {
    local answer failed=0 url=$1 host
    host=${url#*://}
    host=${host%%/*}
    answer=$(request "$@" 2>/dev/null) || failed=$?
    split_reply "$answer"
    [[ -n $STATUS ]] || no_answer "$host" "$failed"
    [[ $STATUS != 429 && $STATUS != 5?? ]] || try_later "$host answers HTTP $STATUS"
}

# no_answer HOST STATUS: ends the program according to curl's exit code.
no_answer() {
    case $2 in
    6) try_later "the name of $1 cannot be resolved" ;;
    7) try_later "no connection to $1" ;;
    28) try_later "no answer from $1 within ${SETTINGS[timeout]} seconds" ;;
    35 | 5[138] | 60 | 77) try_later "no trusted TLS connection to $1 (curl's exit code $2)" ;;
    127) bad_config "curl is not installed" ;;
    *) try_later "no answer from $1 (curl's exit code $2)" ;;
    esac
}

# reply_code NAME: sets CODE to the first member NAME of the reply that looks like a code, or to nothing.
reply_code() {
    local member="\"$1\"[[:space:]]*:[[:space:]]*\"?([A-Za-z0-9._-]{1,80})[\",}[:space:]]"
    CODE=''
    [[ ! $REPLY =~ $member ]] || CODE=${BASH_REMATCH[1]}
}

# conclude GOOD TEMPORARY: ends the program according to STATUS and CODE: sent if CODE matches GOOD, try again if it
# matches TEMPORARY. After an unclear success the message may have been sent, so it is not tried again.
conclude() {
    if [[ $STATUS == 2?? && $CODE =~ ^($1)$ ]]; then exit 0; fi
    if [[ $CODE =~ ^($2)$ ]]; then try_later "the provider answers $CODE (HTTP $STATUS)"; fi
    if [[ -n $CODE ]]; then give_up "the provider refuses the message: $CODE (HTTP $STATUS)"; fi
    give_up "the provider's reply is not understood (HTTP $STATUS)"
}
