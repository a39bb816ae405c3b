// The table of users-ctl's commands, and from argv to one of them.
#include "ctl/commands.hpp"

#include <algorithm>
#include <iostream>
#include <limits>
#include <sstream>

#include "base/log.hpp"

namespace users::ctl {

// The commands. Each returns the exit code.
int reload(const Call& call);
int workers(const Call& call);
int setup(const Call& call);
int user_list(const Call& call);
int user_show(const Call& call);
int user_sessions(const Call& call);
int user_lock(const Call& call);
int user_unlock(const Call& call);
int user_disable(const Call& call);
int user_enable(const Call& call);
int user_passwd(const Call& call);
int user_rename_phone(const Call& call);
int user_set_hash(const Call& call);
int user_end_sessions(const Call& call);
int user_delete(const Call& call);
int audit(const Call& call);
int sms_pending(const Call& call);
int sms_retry(const Call& call);
int sms_test(const Call& call);
int otp(const Call& call);
int show_config(const Call& call);
int after_restore(const Call& call);
int doctor(const Call& call);
int import_users(const Call& call);
int export_users(const Call& call);

namespace {

constexpr Command kCommands[] = {
    {"user list", "", "--limit --after --disabled --json",
     "The accounts, oldest first: id, phone, created, disabled (since when). The next page begins "
     "--after the last id.",
     user_list},
    {"user show", "PHONE", "--json",
     "One account: id, phone, created, disabled, seconds_locked (until a password is taken again), "
     "failed_logins (wrong passwords of the last quarter of an hour), code_guesses_today, "
     "codes_sent_today, sessions, password_hash (its kind).",
     user_show},
    {"user lock", "PHONE", "",
     "No password is taken for 15 minutes (1008), as after ten wrong ones. Its sessions stay, and "
     "login by code works.",
     user_lock},
    {"user unlock", "PHONE", "",
     "Forgets wrong passwords, guesses at codes and codes sent, so that none of these limits "
     "holds. The phone needs no account: it may be about to register.",
     user_unlock},
    {"user disable", "PHONE", "--yes",
     "Neither login nor session from now on. Its sessions end for good. Asks.", user_disable},
    {"user enable", "PHONE", "", "It can log in again.", user_enable},
    {"user passwd", "PHONE", "--yes",
     "Gives it a new password, which comes on standard input and must pass the rules of a "
     "registration: password.min_length to 128 characters, and not one that is guessed at once. "
     "All its sessions end, wrong passwords are forgotten. Asks.",
     user_passwd},
    {"user set-hash", "PHONE", "--yes",
     "Gives it the hash that another system made of its password, which comes on standard input: "
     "argon2, bcrypt, SHA-256 or SHA-512 of crypt(5), yescrypt, within the limits of import. It is "
     "replaced at the next login. All its sessions end, wrong passwords are forgotten. Asks.",
     user_set_hash},
    {"user rename-phone", "PHONE NEW", "--yes",
     "Gives it another phone that no account has. All its sessions end, codes of the old phone are "
     "void. Asks.",
     user_rename_phone},
    {"user sessions", "PHONE", "--json",
     "Its sessions, last seen first: id, created, last_seen, address, agent.", user_sessions},
    {"user end-sessions", "PHONE", "--yes", "Ends all its sessions. Asks.", user_end_sessions},
    {"user delete", "PHONE", "--yes",
     "Deletes it with its sessions and codes; the audit stays. Asks.", user_delete},
    {"audit", "PHONE|#ID", "--limit --json",
     "What happened to an account, newest first: time, event, operator (empty if it was the user), "
     "address, request_id. A deleted account is found by its number, quoted for the shell: '#12'. "
     "'#0' is what concerned no account. Rows are kept for 180 days.",
     audit},
    {"sms pending", "", "--limit --json",
     "Messages that wait or are being sent, oldest first: id, phone, purpose, attempts, created, "
     "next, expires.",
     sms_pending},
    {"sms retry", "[ID...]", "",
     "Makes those messages due now, or all that wait, instead of at their next try, which counts "
     "as any other (sms.attempts). One that a courier is sending at this moment is left alone. One "
     "that was sent or given up cannot be sent again, since its content is wiped, nor one that is "
     "expired: then the person asks for a new code. Exit code 1 if an ID is not due now; each is "
     "told.",
     sms_retry},
    {"sms test", "PHONE", "",
     "Runs sms.command once with a message that holds the code 000000, and tells the result. Root "
     "runs it as the courier's user (sms.user), or if there is none as the owner of key_file. The "
     "environment is the caller's, not the unit's; sms.countries does not count, and the database "
     "is left alone.",
     sms_test},
    {"otp", "PHONE", "--json",
     "What was sent to a phone of late, the last of each purpose, newest first: purpose, created, "
     "expires, tries (guesses that did not use it up), state (valid, used, guessed: too often, "
     "void: the account was changed since, expired), message (pending, sent, failed, unsent: "
     "nobody had the phone, gone: its row is deleted), attempts (to send it), done (when it was "
     "sent or given up). The code is never shown. What is counted against the phone: user show.",
     otp},
    {"config", "", "--json",
     "The effective configuration: key, value, origin (file and line, environment, or default). Of "
     "secrets it knows only the files' names.",
     show_config},
    {"doctor", "", "--json --nginx --prefix",
     "Looks at everything that can be wrong: configuration, secrets, programs, units, nginx, "
     "sockets, workers, database, outbox, disks, clock. Prints state (ok, warning, problem, "
     "skipped), check, what was found, and what to do. Changes nothing, and every check runs even "
     "if earlier ones fail. As root it sees most; what it could not look at is skipped, never ok. "
     "With the users.conf of a local stack (make run) it looks at the nginx of that stack. Exit "
     "code 1 if there is a problem.",
     doctor},
    {"workers", "[POOL]", "--wait --json",
     "The workers and couriers that run, or those of one pool (hash, fast, courier): pool, pid, "
     "state (starting, idle, busy), age in seconds, busy_ms (in the request at hand), request. "
     "--wait waits up to 30 seconds until N are ready.",
     workers},
    {"reload", "[PID...]", "",
     "Replaces workers and couriers one by one, so that a new program or configuration comes into "
     "use without a failed request. The configuration is checked first; if a new worker does not "
     "come up it stops, and the others are the old ones and go on. Without PID (of a multiwatch): "
     "all that run with this configuration.",
     reload},
    {"setup", "", "--user --take-over --yes",
     "Makes what the service needs and does not have yet: its system user, the random secrets in "
     "the files that the configuration names (mode 0600), its folder of logs, the database with "
     "its two accounts, the tables. The accounts are made over the socket in database.hosts as the "
     "server's administrator, so run it as root. If database.hosts names no socket, it makes "
     "everything else, prints the SQL to run on the server, and goes on when it is run again. Says "
     "what it will do and asks first; a second run finds nothing to do. An account that is there "
     "with another password, or a database that has tables already, may be another installation's: "
     "these it takes only with --take-over.",
     setup},
    {"migrate", "", "--check",
     "Applies the migrations that the database does not have yet, as database.migration_user. "
     "Forward only; of two at once one works and the other waits. --check only says which those "
     "are, exit code 1 if there are any.",
     migrate},
    {"after-restore", "", "--next-id --yes",
     "To be run when the database was brought back from a backup or a snapshot, before anything "
     "starts on it: ends every session and voids every code and waiting message, since those that "
     "were ended or used meanwhile are alive in it again. Accounts that were made since the backup "
     "are gone, and backends may know them by their numbers: the next account gets a number a "
     "million beyond the greatest, or N. Users and the counters of limits stay. Asks.",
     after_restore},
    {"import", "FILE", "--dry-run --ignore-column",
     "Takes over accounts: what mariadb --batch prints of a table with the columns phone and "
     "password (plain text; it is hashed), or phone and hash, and optionally id, createTime and "
     "columns that say which accounts are disabled; or lines of phone, tab and hash; or what "
     "export writes. Lists the rows that stay out on standard output first, tab-separated: line, "
     "kind (bad, duplicate, registered), phone (masked), reason. --dry-run ends there, with exit "
     "code 1 if rows are bad. An account that is there already stays as it is. May be stopped at "
     "any time: run again, it goes on. FILE is read twice; - is standard input, if that is a file. "
     "See IMPORTED TABLES.",
     import_users},
    {"export", "", "--yes",
     "Writes all accounts to standard output, as import reads them: phone, hash, createTime, "
     "disableTime, under a heading. Hashes are secrets: asks first on a terminal, unless --yes; "
     "refuses a file that group or others may open (umask 077 before, or chmod 600).",
     export_users},
};

constexpr Option kOptions[] = {
    {"config", "FILE", "the configuration (default /etc/users-fcgi/users.conf)"},
    {"limit", "N", "at most N rows, 1 to 10000 (default 100)"},
    {"after", "ID", "only accounts with a greater number"},
    {"disabled", "", "only disabled accounts"},
    {"json", "", "as JSON, in ASCII: an array of objects, or one object"},
    {"yes", "", "does not ask; must be said if standard input is no terminal"},
    {"check", "", "only looks"},
    {"wait", "N", "waits until N are ready, 1 to 1024"},
    {"next-id", "N", "the number of the next account"},
    {"user", "NAME", "the service's system user (default users-fcgi)"},
    {"take-over", "", "takes the accounts and the database that are there already"},
    {"nginx", "FILE", "nginx's main configuration, if it is not the default one"},
    {"prefix", "DIR", "nginx's prefix, if it is not the default one"},
    {"dry-run", "", "says what would be done, and does nothing"},
    {"ignore-column", "NAMES", "columns that are not taken over, separated by commas"},
    {"print", "WHAT", "prints its manual page (man) or bash's completion (completion)"},
    {"help", "", "the manual as text"},
    {"version", "", "the version"},
};

constexpr Section kSections[] = {
    {"DESCRIPTION",
     "users-ctl shows and changes the accounts of users-fcgi(8), its messages, and its database's "
     "schema. It works on the database itself, so the service need not run; what it changes takes "
     "effect at once.\n"
     "PHONE is a mobile number in any spelling that the service takes, with or without the country "
     "code. A command that asks says what will happen; any answer but y or yes ends it. Secrets "
     "come by standard input only: its first line, or typed twice on a terminal. Each change is "
     "one "
     "transaction with a row in the audit under the name of who ran it (behind sudo(8): who called "
     "it)."},
    {"IMPORTED TABLES",
     "The time of registration may also be called created_at, created, date_joined, "
     "user_registered or registered_at. Disabled accounts stay disabled. These columns say so, "
     "however their names are spelled (isActive, is_active): by a time disableTime, disabled_at, "
     "blocked_at, banned_at, suspended_at, deactivated_at, deleted_at; by yes (1, t, true, y, yes, "
     "on) disabled, blocked, banned, suspended, deactivated, deleted, each also with is_, and "
     "inactive; by no active, enabled, is_active, is_enabled. A value that cannot be read counts "
     "as disabled, with a warning. A column with another name that may say it, such as status or "
     "locked, stops the import: rename it, or leave it out by --ignore-column. Any other column is "
     "named on standard error before anything is written, and not taken over.\n"
     "If several rows have one phone, the one that is not disabled is kept, then the oldest by "
     "createTime, then the smallest id. An id has no other use: each account gets a new number, so "
     "match what your backends keep by id with the phone.\n"
     "Hashes are those of argon2, bcrypt (2a, 2b, 2y), crypt(5) with SHA-256 or SHA-512, and "
     "yescrypt; the next login of each makes it the service's own. A login computes the hash "
     "again, "
     "so one that would hold a worker is a bad row. The most is: of argon2 128 MiB of memory "
     "(m=131072), 3 GiB of memory times passes (m times t) and 64 lanes (p); of bcrypt a cost of "
     "14; of crypt(5) 700000 rounds; of yescrypt a cost of 8. The owner of such a row registers "
     "again. A site whose own hashes cost more (password.argon2_memory) moves by a dump of the "
     "database instead.\n"
     "NULL, as the common programs write it, \\N and an empty field are no value. A time is "
     "2016-05-03 08:34:12, with a T, a fraction and a time zone (Z, +08, +08:00); without one it "
     "is "
     "UTC. One that cannot be read is left out with a warning, and the account gets the time of "
     "the "
     "import. Lines end by LF or by CRLF, all alike, and the last one must end, too. A password in "
     "quotes, a phone behind which a spreadsheet has written .0, and a line with another number of "
     "columns are bad rows; a second heading stops the import. Only rows that are the same both "
     "times that the file is read are written."},
    {"OUTPUT",
     "For a pipe a row is a line of fields separated by tabs, without a heading, nothing where "
     "there is no value; on a terminal columns are aligned under a heading; JSON has null for no "
     "value. Times are UTC (ISO 8601). Control characters are shown as \\xNN, in JSON as "
     "\\uNNNN, so that nothing stored steers a terminal. Phones are shown in full; the service's "
     "log masks them."},
    {"EXIT STATUS",
     "0: done, or nothing to do.\n"
     "1: refused, not agreed to, or failed, as the message says.\n"
     "64: wrong usage, or nobody to ask.\n"
     "69: the database is away or refused.\n"
     "78: the configuration, a secret, or the version of the database's schema is wrong."},
    {"ENVIRONMENT",
     "USERS_FCGI_SECTION_KEY overrides a key of the configuration, as USERS_FCGI_LOG_LEVEL that of "
     "log.level. SUDO_USER is believed if root runs the command. SEND_SMS_CONF is read as the "
     "ready-made send-sms programs do."},
    {"FILES",
     "/etc/users-fcgi/users.conf: the configuration. The secrets it names must be of mode 0600 and "
     "belong to who runs the command; root may read those of the service's user."},
    {"EXAMPLES",
     "users-ctl user show 18866668888\n"
     "users-ctl user passwd 18866668888 --yes < password-file\n"
     "users-ctl user list --disabled --json | jq -r '.[].phone'\n"
     "users-ctl audit '#12' --limit 20\n"
     "(umask 077; users-ctl export > accounts.tsv)"},
};

/// The command whose words `words` begin with; they are taken off. Throws UsageError.
const Command& find_command(std::vector<std::string>& words) {
  for (const Command& command : kCommands) {
    const auto own = words_of(command.words);
    if (own.size() > words.size() || !std::equal(own.begin(), own.end(), words.begin())) continue;
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(own.size()));
    return command;
  }
  if (words.empty()) throw UsageError("which command?");
  std::string family;
  for (const Command& command : kCommands) {
    const auto own = words_of(command.words);
    if (own.size() > 1 && own[0] == words[0]) family += (family.empty() ? "" : ", ") + own[1];
  }
  if (family.empty()) throw UsageError("no such command: " + words[0]);
  throw UsageError("which of " + words[0] + "'s commands: " + family + "?");
}

/// Throws UsageError where the command does not take what it was given.
void check_usage(const Command& command, const Call& call) {
  const auto allowed = words_of(command.options);
  for (const auto& [name, value] : call.options) {
    if (std::ranges::find(allowed, "--" + name) == allowed.end()) {
      throw UsageError(std::string(command.words) + " takes no --" + name);
    }
  }
  std::size_t least = 0;
  std::size_t most = 0;
  for (const std::string& argument : words_of(command.arguments)) {
    if (argument.front() != '[') ++least;
    most = argument.find("...") == std::string::npos ? most + 1 : std::numeric_limits<int>::max();
  }
  if (call.arguments.size() >= least && call.arguments.size() <= most) return;
  throw UsageError(most == 0 ? std::string(command.words) + " takes no argument"
                             : "usage: users-ctl " + std::string(command.words) + " " +
                                   std::string(command.arguments));
}

constexpr Document kDocuments[] = {{"man", print_man}, {"completion", print_completion}};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::span<const Option> options() {
  return kOptions;
}

std::span<const Section> sections() {
  return kSections;
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

int run(int argc, char** argv) {
  // What goes wrong is told once, by the exception; the audit keeps what was done.
  log::start_on_stderr(LogLevel::error);
  auto line = read_command_line(argc, argv, kOptions);
  if (line.has("help") || line.words == std::vector<std::string>{"help"}) {
    print_help(std::cout);
    return EXIT_SUCCESS;
  }
  if (line.has("print")) {
    print_document(line.options["print"], kDocuments);
    return EXIT_SUCCESS;
  }
  if (line.has("version")) {
    std::cout << "users-ctl " USERS_FCGI_VERSION "\n";
    return EXIT_SUCCESS;
  }
  const Command& command = find_command(line.words);
  Call call{.typed = {argv, argv + argc},
            .config_file = std::string(kDefaultConfig),
            .arguments = std::move(line.words),
            .options = std::move(line.options)};
  if (const auto file = call.options.extract("config")) call.config_file = file.mapped();
  check_usage(command, call);
  return command.run(call);
}

}  // namespace users::ctl
