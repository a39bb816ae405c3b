// The table of users-ctl's commands, its help, and from argv to one of them.
#include <algorithm>
#include <iostream>
#include <limits>
#include <sstream>

#include "base/command_line.hpp"
#include "base/log.hpp"
#include "ctl/command.hpp"

namespace users::ctl {
namespace {

constexpr Command kCommands[] = {
    {"migrate", "", "--check",
     "Applies the migrations that the database does not have yet. Forward only; two at once do no "
     "harm: one works, the other waits. Runs as database.migration_user. --check only says which "
     "those are, exit code 1 where there are any.",
     migrate},
    {"setup", "", "--user --take-over --yes",
     "Makes what the service needs and does not have yet: its system user, its secrets, its folder "
     "of logs, the database with its two accounts (over the socket of the database's root), the "
     "tables. Says what it will do and asks first; a second run finds nothing to do. An account "
     "that is there with another password, or a database that has tables already, may be another "
     "installation's: these it takes only with --take-over.",
     setup},
    {"reload", "[PID...]", "",
     "Replaces workers and couriers one by one, so that a new program or configuration comes into "
     "use without a failed request. The configuration is checked first; where a new worker does "
     "not come up it stops and keeps the old ones. Without PID (of a multiwatch): all that run "
     "with this configuration.",
     reload},
    {"after-restore", "", "--next-id --yes",
     "To be run when the database was brought back from a backup or a snapshot, before anything "
     "starts on it: ends every session and voids every code and waiting message, since those that "
     "were ended or used meanwhile are alive in it again. Accounts that were made since the backup "
     "are gone, and backends may know them by their numbers: the next account gets a number a "
     "million beyond the greatest, or that of --next-id. Asks.",
     after_restore},
    {"user list", "", "--limit --after --disabled --json",
     "The accounts, oldest first: number, phone, when it was made, since when it is disabled. The "
     "next page begins --after the last number.",
     user_list},
    {"user show", "PHONE", "--json",
     "One account, what is counted against it, and how many sessions it has.", user_show},
    {"user lock", "PHONE", "",
     "No password is taken for 15 minutes, as after ten wrong ones. Its sessions stay, and login "
     "by code works.",
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
     "registration. All its sessions end, wrong passwords are forgotten. Asks.",
     user_passwd},
    {"user set-hash", "PHONE", "--yes",
     "Gives it the hash that another system made of its password (argon2, bcrypt, SHA-256 or "
     "SHA-512 of crypt(5), yescrypt; of a cost that import takes), which comes on standard input. "
     "It is replaced at the next login. All its sessions end, wrong passwords are forgotten. Asks.",
     user_set_hash},
    {"user rename-phone", "PHONE NEW", "--yes",
     "Gives it another phone that no account has. All its sessions end, codes of the old phone are "
     "void. Asks.",
     user_rename_phone},
    {"user sessions", "PHONE", "--json", "Its sessions, last seen first, at most 100.",
     user_sessions},
    {"user end-sessions", "PHONE", "--yes", "Ends all its sessions. Asks.", user_end_sessions},
    {"user delete", "PHONE", "--yes",
     "Deletes it with its sessions and codes; the audit stays. Asks.", user_delete},
    {"audit", "PHONE|#ID", "--limit --json",
     "What happened to an account, newest first, and the operator where it was not the user. A "
     "deleted account is found by its number, quoted for the shell: '#12'. '#0' is what concerned "
     "no account.",
     audit},
    {"sms pending", "", "--limit --json", "Messages that wait or are being sent, oldest first.",
     sms_pending},
    {"sms retry", "[ID...]", "",
     "Makes those messages due now, or all that wait, instead of at their next try; a try counts "
     "as any other. One that a courier is sending at this moment is left alone. One that was "
     "sent or given up cannot be sent again, since its content is wiped, nor one that is expired: "
     "then the person asks for a new code. Exit code 1 where an ID is not due now.",
     sms_retry},
    {"sms test", "PHONE", "",
     "Runs sms.command once with a message that holds the code 000000. Root runs it as the "
     "courier's "
     "user (sms.user), or if there is none as the owner of key_file. The environment is the "
     "caller's, "
     "not the unit's; sms.countries does not count, and the database is left alone.",
     sms_test},
    {"otp", "PHONE", "--json",
     "What was sent to a phone of late, the last of each purpose, newest first: when, whether its "
     "code is valid, used, guessed at too often or expired, and what became of the message. Never "
     "the code. What is counted against the phone: user show.",
     otp},
    {"config", "", "--json",
     "The effective configuration: key, value, where it came from. Of secrets it knows only the "
     "files' names.",
     show_config},
    {"doctor", "", "--json --nginx --prefix",
     "Looks at everything that can be wrong: configuration, secrets, programs, nginx, sockets, "
     "workers, database, outbox, disks, clock. A line a check: ok, warning, problem or skipped, "
     "its name, what was found, what to do. Changes nothing. Exit code 1 where there is a problem. "
     "As root it sees most.",
     doctor},
    {"import", "FILE", "--dry-run --ignore-column",
     "Takes over accounts: what mariadb --batch prints of a table with the columns phone and "
     "password (plain text; it is hashed), or phone and hash, and optionally id, createTime and "
     "one that "
     "says which accounts are disabled (see users-ctl(8)); or "
     "lines of phone, tab and hash; or what export writes. An id only tells which of two rows is "
     "older: "
     "each account gets a new number. A column that may say who is disabled, in a way that is not "
     "known, stops it, unless --ignore-column names it; others that are not taken over are named. "
     "First lists the rows that stay out on "
     "standard output, tab-separated: line, bad or duplicate or registered, phone, reason; of "
     "duplicates the oldest is kept, and an account that is there already stays as it is. A hash "
     "whose check would take over 128 MiB or about two seconds is bad. "
     "--dry-run ends there, with exit code 1 where rows are bad. May be stopped at any time: run "
     "again, it goes on. FILE is read twice; - is standard input, if that is a file.",
     import_users},
    {"export", "", "--yes",
     "Writes all accounts to standard output, as import reads them: phone, hash, createTime, "
     "disableTime, under a heading. Hashes are secrets: asks first on a terminal, unless --yes; "
     "refuses a file that group or others may open (umask 077 before, or chmod 600).",
     export_users},
};

constexpr Option kOptions[] = {
    {"config", "FILE", "the configuration (default /etc/users-fcgi/users.conf)"},
    {"check", "", "only looks"},
    {"user", "NAME", "the service's system user (default users-fcgi)"},
    {"next-id", "N", "the number of the next account"},
    {"take-over", "", "takes the accounts and the database that are there already"},
    {"limit", "N", "at most N rows, 1 to 10000 (default 100)"},
    {"after", "ID", "only accounts with a greater number"},
    {"disabled", "", "only disabled accounts"},
    {"json", "", "as JSON, in ASCII"},
    {"yes", "", "does not ask; must be said where standard input is no terminal"},
    {"nginx", "FILE", "nginx's main configuration, where it is not the default one"},
    {"prefix", "DIR", "nginx's prefix, where it is not the default one"},
    {"dry-run", "", "says what would be done, and does nothing"},
    {"ignore-column", "NAMES", "columns that are not taken over, separated by commas"},
    {"help", "", "this text"},
    {"version", "", "the version"},
};

constexpr std::string_view kHelpHead =
    "users-ctl: the operator's command line of the accounts service.\n\n  users-ctl [--config "
    "FILE] COMMAND ...\n\nCommands:\n";

constexpr std::string_view kHelpTail = R"(
PHONE is written in any spelling, as at the service. A command that asks says what will happen; any
answer but y or yes ends it. Secrets come by standard input only: its first line, or typed twice on a
terminal. Each change is one transaction with a row in the audit under the name of who ran it
(behind sudo: who called it).

Lists are tab-separated without a heading for pipes, aligned on a terminal, JSON with --json.

Exit codes: 0 done, or nothing to do; 1 refused, not agreed to, or failed, as the message says;
64 wrong usage, or nobody to ask; 69 the database is away or refused; 78 the configuration, a secret
or the version of the database's schema is wrong.
)";

constexpr std::size_t kHelpWidth = 100;

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// `text` in lines of at most kHelpWidth, each behind `margin` blanks.
void print_wrapped(std::string_view text, std::size_t margin) {
  std::string line;
  for (const std::string& word : words_of(text)) {
    if (!line.empty() && margin + line.size() + 1 + word.size() > kHelpWidth) {
      std::cout << std::string(margin, ' ') << line << '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  std::cout << std::string(margin, ' ') << line << '\n';
}

int print_help() {
  constexpr std::size_t kMargin = 6;
  std::cout << kHelpHead;
  for (const Command& command : kCommands) {
    std::cout << "  " << command.words;
    if (!command.arguments.empty()) std::cout << ' ' << command.arguments;
    for (const std::string& option : words_of(command.options)) {
      const auto* row = std::ranges::find(kOptions, option.substr(2), &Option::name);
      std::cout << " [" << option << (row->value.empty() ? "" : " ") << row->value << ']';
    }
    std::cout << '\n';
    print_wrapped(command.help, kMargin);
  }
  std::cout << "\nOptions:\n";
  for (const Option& option : kOptions) {
    std::string name = "--" + std::string(option.name);
    if (!option.value.empty()) name.append(" ").append(option.value);
    name.resize(std::max<std::size_t>(name.size() + 1, 18), ' ');
    std::cout << "  " << name << option.help << '\n';
  }
  std::cout << kHelpTail;
  return EXIT_SUCCESS;
}

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

}  // namespace

int run(int argc, char** argv) {
  // What goes wrong is told once, by the exception; the audit keeps what was done.
  log::start_on_stderr(LogLevel::error);
  auto line = read_command_line(argc, argv, kOptions);
  if (line.has("help") || line.words == std::vector<std::string>{"help"}) return print_help();
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
