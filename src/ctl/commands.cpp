// Finds and runs a command of users-ctl.
#include <algorithm>
#include <iostream>
#include <limits>
#include <sstream>

#include "base/log.hpp"
#include "ctl/command.hpp"

namespace users::ctl {

namespace {

constexpr Option kOptions[] = {
    {"config", "FILE", "the configuration (default /etc/users-fcgi/users.conf)"},
    {"limit", "N", "at most N rows, 1 to 10000 (default 100)"},
    {"after", "LAST", "only what follows the account of this number, or the group of this name"},
    {"disabled", "", "only disabled accounts"},
    {"json", "", "as JSON, in ASCII: an array of objects, or one object"},
    {"yes", "", "does not ask; required if standard input is not a terminal"},
    {"check", "", "only checks"},
    {"wait", "N", "waits until N are ready, 1 to 1024"},
    {"next-id", "N", "the number of the next account"},
    {"user", "NAME", "the service's system user (default users-fcgi)"},
    {"for-hosts", "ADDRESSES", "also lets the service in from a cluster's other hosts: 192.0.2.%"},
    {"take-over", "", "takes over an existing database and its accounts"},
    {"nginx", "FILE", "nginx's main configuration, if not the default"},
    {"prefix", "DIR", "nginx's prefix, if not the default"},
    {"dry-run", "", "only shows what would be done"},
    {"ignore-column", "NAMES", "columns to leave out, separated by commas"},
    {"print", "WHAT", "prints the manual page (man) or the completion for bash (completion)"},
    {"help", "", "the manual as text"},
    {"version", "", "the version"},
};

/// Finds the command that `words` begin with and removes its words. Throws UsageError.
Command find_command(std::vector<std::string>& words) {
  const auto all = commands();
  for (const Command& command : all) {
    const auto own = words_of(command.words);
    if (own.size() > words.size() || !std::equal(own.begin(), own.end(), words.begin())) continue;
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(own.size()));
    return command;
  }
  if (words.empty()) throw UsageError("which command?");
  std::string family;
  for (const Command& command : all) {
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

std::vector<Command> commands() {
  std::vector<Command> all;
  for (const auto* family :
       {&kAccountCommands, &kChangeCommands, &kGroupCommands, &kIdentityCommands, &kMessageCommands,
        &kRunningCommands, &kReloadCommands, &kSetupCommands, &kDatabaseCommands,
        &kTransferCommands}) {
    all.insert(all.end(), family->begin(), family->end());
  }
  return all;
}

std::span<const Option> options() {
  return kOptions;
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
  const Command command = find_command(line.words);
  Call call{.typed = {argv, argv + argc},
            .config_file = std::string(kDefaultConfig),
            .arguments = std::move(line.words),
            .options = std::move(line.options)};
  if (const auto file = call.options.extract("config")) call.config_file = file.mapped();
  check_usage(command, call);
  return command.run(call);
}

}  // namespace users::ctl
