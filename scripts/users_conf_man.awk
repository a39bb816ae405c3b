# Generates the manual page users.conf(5) from conf/users.conf.example, its only source: the head becomes the
# description, each key an entry with the comment above it as text.

function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/) text = "\\\&" text
    return text
}
function environment(key) {
    key = toupper(section (section == "" ? "" : "_") key)
    return "USERS_FCGI_" key
}
# flush(): ends a comment that is not followed by a key.
function flush(    i) {
    if (count > 0) print ".PP"
    for (i = 1; i <= count; i++) print roff(lines[i])
    count = 0
}

BEGIN {
    print ".TH USERS.CONF 5 \"\" users-fcgi \"File Formats\"\n.nh\n.ad l"
    print ".SH NAME\nusers.conf \\- configuration of the accounts service"
    print ".SH SYNOPSIS\n.I /etc/users\\-fcgi/users.conf\n.SH DESCRIPTION"
}
/^\[.*\]$/ {
    flush()
    section = substr($0, 2, length($0) - 2)
    print ".SH \"SECTION [" section "]\""
    next
}
/^# [a-z0-9_]+ = / {
    key = $2
    value = $0
    sub(/^# [a-z0-9_]+ = /, "", value)
    if (section == "" && !keys) print ".SH \"BEFORE ANY SECTION\""
    keys = 1
    print ".TP\n.B " roff(key)
    for (i = 1; i <= count; i++) print roff(lines[i])
    count = 0
    print ".br\nDefault: " (value == "" ? "empty" : "\\fI" roff(value) "\\fR") ". Environment: " environment(key) "."
    next
}
/^# / { lines[++count] = substr($0, 3); next }
/^#?$/ { flush(); next }
{
    print FILENAME ":" FNR ": neither a comment, a section nor a key: " $0 > "/dev/stderr"
    bad = 1
    exit 1
}
END {
    if (bad) exit 1
    flush()
    print ".SH \"SEE ALSO\""
    print ".BR users\\-fcgi (8),\n.BR users\\-courier (8),\n.BR users\\-ctl (8)"
}
