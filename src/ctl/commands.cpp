// The table of users-ctl's commands, and the code that finds and runs one.
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
     "Lists the accounts, oldest first: id, phone, created, disabled (since when). For the next "
     "page use --after with the last id.",
     user_list},
    {"user show", "PHONE", "--json",
     "Shows one account: id, phone, created, disabled, seconds_locked (until passwords are "
     "accepted again), failed_logins (wrong passwords in the last 15 minutes), code_guesses_today, "
     "codes_sent_today, sessions, password_hash (its kind).",
     user_show},
    {"user lock", "PHONE", "",
     "Refuses passwords for 15 minutes (1008), as after ten wrong ones. Sessions stay, and login "
     "by code works.",
     user_lock},
    {"user unlock", "PHONE", "",
     "Clears the counts of wrong passwords, code guesses and codes sent, so that these limits no "
     "longer apply. The phone needs no account: it may be about to register.",
     user_unlock},
    {"user disable", "PHONE", "--yes", "Prevents logins and ends all sessions for good. Asks.",
     user_disable},
    {"user enable", "PHONE", "", "Allows logins again.", user_enable},
    {"user passwd", "PHONE", "--yes",
     "Sets a new password, read from standard input. It must follow the rules of a registration: "
     "password.min_length to 128 characters, and not easily guessed. Ends all sessions and clears "
     "the count of wrong passwords. Asks.",
     user_passwd},
    {"user set-hash", "PHONE", "--yes",
     "Sets a password hash from another system, read from standard input: argon2, bcrypt, SHA-256 "
     "or SHA-512 of crypt(5), yescrypt, within the limits of import. The next login replaces it. "
     "Ends all sessions and clears the count of wrong passwords. Asks.",
     user_set_hash},
    {"user rename-phone", "PHONE NEW", "--yes",
     "Changes the phone to one that no account has. Ends all sessions and voids the codes of the "
     "old phone. Asks.",
     user_rename_phone},
    {"user sessions", "PHONE", "--json",
     "Lists the sessions, last seen first: id, created, last_seen, address, agent.", user_sessions},
    {"user end-sessions", "PHONE", "--yes", "Ends all sessions of the account. Asks.",
     user_end_sessions},
    {"user delete", "PHONE", "--yes",
     "Deletes the account with its sessions and codes; the audit stays. Asks.", user_delete},
    {"audit", "PHONE|#ID", "--limit --json",
     "Lists what happened to an account, newest first: time, event, operator (empty if the user "
     "did it), address, request_id. Give a deleted account by its number, quoted for the shell: "
     "'#12'. '#0' lists what concerned no account. Rows are kept for 180 days.",
     audit},
    {"sms pending", "", "--limit --json",
     "Lists messages that wait or are being sent, oldest first: id, phone, purpose, attempts, "
     "created, next, expires.",
     sms_pending},
    {"sms retry", "[ID...]", "",
     "Makes these messages, or all that wait, due now instead of at their next attempt. The "
     "attempt counts as usual (sms.attempts). A message that a courier is sending is skipped. One "
     "that was sent or given up cannot be sent again, since its content is wiped, nor can an "
     "expired one: the user must request a new code. Prints the result for each ID; exit code 1 if "
     "one is not due now.",
     sms_retry},
    {"sms test", "PHONE", "",
     "Runs sms.command once with a message that contains a code of zeros, and prints the result. "
     "As root it runs as the courier's user (sms.user), or as the owner of key_file if there is no "
     "such user. It uses the caller's environment, not the unit's, ignores sms.countries and does "
     "not touch the database.",
     sms_test},
    {"otp", "PHONE", "--json",
     "Lists the last code of each purpose sent to a phone, newest first: purpose, created, "
     "expires, tries (failed guesses), state (valid, used, guessed: too often, void: the account "
     "was changed since, expired), message (pending, sent, failed, unsent: nobody had the phone, "
     "gone: its row is deleted), attempts (to send it), done (when it was sent or given up). Never "
     "shows the code. For the phone's counters see user show.",
     otp},
    {"config", "", "--json",
     "Prints the effective configuration: key, value, origin (file and line, environment, or "
     "default). For secrets it shows only the file names.",
     show_config},
    {"doctor", "", "--json --nginx --prefix",
     "Checks everything that can be wrong: configuration, secrets, programs, units, nginx, "
     "sockets, workers, database, outbox, disks, clock. Prints state (ok, warning, problem, "
     "skipped), check, what was found, and what to do. Changes nothing, and runs every check even "
     "if earlier ones fail. Run it as root to check the most; what it cannot read is skipped, "
     "never ok. With the users.conf of a local stack (make run) it checks the nginx of that stack. "
     "Exit code 1 if there is a problem.",
     doctor},
    {"workers", "[POOL]", "--wait --json",
     "Lists the running workers and couriers, or those of one pool (hash, fast, courier): pool, "
     "pid, state (starting, idle, busy), age in seconds, busy_ms (in the current request), "
     "request. --wait waits up to 30 seconds until N are ready.",
     workers},
    {"reload", "[PID...]", "",
     "Replaces workers and couriers one by one, so that a new program or configuration takes "
     "effect without a failed request. Checks the configuration first. If a new worker does not "
     "start, stops; the other old workers continue. Without PID (of a multiwatch): all that run "
     "with this configuration.",
     reload},
    {"setup", "", "--user --take-over --yes",
     "Creates what the service needs and does not have yet: its system user, the random secrets in "
     "the files that the configuration names (mode 0600), its log folder, the database with its "
     "two accounts, the tables. Run it as root: it creates the accounts as the server's "
     "administrator, over the socket in database.hosts. If database.hosts names no socket, it "
     "creates everything else and prints the SQL to run on the server; then run it again. It lists "
     "what it will do and asks first; a second run finds nothing to do. An account with another "
     "password, or a database that already has tables, may belong to another installation: it "
     "takes these only with --take-over.",
     setup},
    {"migrate", "", "--check",
     "Applies the migrations that the database lacks, as database.migration_user. Forward only; if "
     "two run at once, one waits. --check only lists them, exit code 1 if there are any.",
     migrate},
    {"after-restore", "", "--next-id --yes",
     "Run this after the database was restored from a backup or a snapshot, before anything uses "
     "it. Ends every session and voids every code and pending message, since the backup revives "
     "those that were ended or used. Accounts created since the backup are gone, but backends may "
     "know their numbers: the next account gets a number a million beyond the greatest, or N. "
     "Users and the counters of limits stay. Asks.",
     after_restore},
    {"import", "FILE", "--dry-run --ignore-column",
     "Imports accounts from the output of mariadb --batch for a table with the columns phone and "
     "password (plain text; it is hashed), or phone and hash, and optionally id, createTime and "
     "columns that mark disabled accounts; from lines of phone, tab and hash; or from the output "
     "of export. First lists the rejected rows on standard output, tab-separated: line, kind (bad, "
     "duplicate, registered), phone (masked), reason. --dry-run stops there, with exit code 1 if "
     "rows are bad. Existing accounts stay unchanged. You can stop it at any time; the next run "
     "continues. FILE is read twice; - is standard input, if that is a file. See IMPORTED TABLES.",
     import_users},
    {"export", "", "--yes",
     "Writes all accounts to standard output in the format of import: phone, hash, createTime, "
     "disableTime, with a heading. Hashes are secrets: on a terminal it asks first, unless --yes; "
     "it refuses a file that group or others may read (use umask 077 or chmod 600).",
     export_users},
};

constexpr Option kOptions[] = {
    {"config", "FILE", "the configuration (default /etc/users-fcgi/users.conf)"},
    {"limit", "N", "at most N rows, 1 to 10000 (default 100)"},
    {"after", "ID", "only accounts with a greater number"},
    {"disabled", "", "only disabled accounts"},
    {"json", "", "as JSON, in ASCII: an array of objects, or one object"},
    {"yes", "", "does not ask; required if standard input is not a terminal"},
    {"check", "", "only checks"},
    {"wait", "N", "waits until N are ready, 1 to 1024"},
    {"next-id", "N", "the number of the next account"},
    {"user", "NAME", "the service's system user (default users-fcgi)"},
    {"take-over", "", "takes over an existing database and its accounts"},
    {"nginx", "FILE", "nginx's main configuration, if not the default"},
    {"prefix", "DIR", "nginx's prefix, if not the default"},
    {"dry-run", "", "only shows what would be done"},
    {"ignore-column", "NAMES", "columns to leave out, separated by commas"},
    {"print", "WHAT", "prints the manual page (man) or the completion for bash (completion)"},
    {"help", "", "the manual as text"},
    {"version", "", "the version"},
};

constexpr Section kSections[] = {
    {"DESCRIPTION",
     "users-ctl shows and changes the accounts of users-fcgi(8), its messages, and its database's "
     "schema. It works on the database itself, so the service need not run; changes take effect at "
     "once.\n"
     "PHONE is a mobile number in any spelling that the service accepts, with or without the "
     "country code. A command that asks says what will happen; any answer but y or yes stops it. "
     "Secrets are read from standard input only: the first line, or typed twice on a terminal. "
     "Each change is one transaction with an audit row under the name of the user who ran it (with "
     "sudo(8): who called it)."},
    {"IMPORTED TABLES",
     "The time of registration may also be called created_at, created, date_joined, "
     "user_registered or registered_at. Disabled accounts stay disabled. These columns mark them, "
     "in any spelling (isActive, is_active): with a time disableTime, disabled_at, blocked_at, "
     "banned_at, suspended_at, deactivated_at, deleted_at; with yes (1, t, true, y, yes, on) "
     "disabled, blocked, banned, suspended, deactivated, deleted, each also with is_, and "
     "inactive; with no active, enabled, is_active, is_enabled. A value that cannot be read counts "
     "as disabled, with a warning. A column with another name that may mean this, such as status "
     "or locked, stops the import: rename it, or leave it out with --ignore-column. Any other "
     "column is named on standard error before anything is written, and ignored.\n"
     "If several rows have the same phone, the one that is not disabled is kept, then the oldest "
     "by createTime, then the smallest id. The id has no other use: each account gets a new "
     "number, so match your backends' data by phone.\n"
     "Hashes may be argon2, bcrypt (2a, 2b, 2y), crypt(5) with SHA-256 or SHA-512, and yescrypt; "
     "each account's next login replaces it with the service's own. A login computes the hash "
     "again, so a hash that would hold up a worker is a bad row. The limits are: argon2 128 MiB of "
     "memory (m=131072), 3 GiB of memory times passes (m times t) and 64 lanes (p); bcrypt a cost "
     "of 14; crypt(5) 700000 rounds; yescrypt a cost of 8. The owner of such a row must register "
     "again. A site whose own hashes cost more (password.argon2_memory) moves with a database dump "
     "instead.\n"
     "NULL, as the usual programs write it, \\N and an empty field mean no value. A time looks "
     "like 2016-05-03 08:34:12, optionally with a T, a fraction and a time zone (Z, +08, +08:00); "
     "without one it is UTC. An unreadable time is ignored with a warning, and the account gets "
     "the time of the import. Every line ends with LF, or every line "
     "ends with CRLF; the last line needs its end, too. A password in quotes, a phone to which a "
     "spreadsheet added .0, and a line with another "
     "number of columns are bad rows; a second heading stops the import. Rows are written only if "
     "both readings of the file agree."},
    {"OUTPUT",
     "In a pipe, each row is a line of fields separated by tabs, without a heading; a missing "
     "value "
     "is an empty field. On a terminal, columns are aligned under a heading. JSON has null for no "
     "value. "
     "Times are UTC (ISO 8601). Control characters are shown as \\xNN, in JSON as \\uNNNN, so that "
     "stored text cannot control the terminal. Phones are shown in full; the service's log masks "
     "them."},
    {"EXIT STATUS",
     "0: done, or nothing to do.\n"
     "1: refused, not confirmed, or failed; the message says why.\n"
     "64: wrong usage, or no terminal to ask on.\n"
     "69: the database is unavailable or refused the connection.\n"
     "78: the configuration, a secret, or the version of the database's schema is wrong."},
    {"ENVIRONMENT",
     "USERS_FCGI_SECTION_KEY overrides a key of the configuration, for example "
     "USERS_FCGI_LOG_LEVEL overrides log.level. SUDO_USER is used if root runs the command. "
     "SEND_SMS_CONF is read as by the supplied send-sms programs."},
    {"FILES",
     "/etc/users-fcgi/users.conf: the configuration. The secrets it names must have mode 0600 and "
     "belong to the user who runs the command; root may also read those of the service's user."},
    {"EXAMPLES",
     "users-ctl user show 18866668888\n"
     "users-ctl user passwd 18866668888 --yes < password-file\n"
     "users-ctl user list --disabled --json | jq -r '.[].phone'\n"
     "users-ctl audit '#12' --limit 20\n"
     "(umask 077; users-ctl export > accounts.tsv)"},
};

/// Finds the command that `words` begin with and removes its words. Throws UsageError.
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

/// Throws UsageError if the command does not take these options or arguments.
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

constexpr PrintedFile kDocuments[] = {{"man", print_man}, {"completion", print_completion}};

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
  // An exception reports an error once, and the audit records what was done.
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
