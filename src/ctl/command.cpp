// The parts of a command as typed, and what it asks the operator.
#include "ctl/command.hpp"

#include <charconv>
#include <csignal>
#include <iostream>

#include <termios.h>
#include <unistd.h>

#include "base/text.hpp"
#include "ctl/system.hpp"

namespace users::ctl {
namespace {

constexpr int kEndingSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

termios before_quiet;  // for the signal handler

/// After Ctrl-C at the prompt, the terminal must echo again. Both calls are async-signal-safe
/// (signal-safety(7)).
extern "C" void show_again_and_end(int number) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_quiet);
  static_cast<void>(::raise(number));
}

/// Turns off echo on standard input while it lives.
class Quiet {
 public:
  Quiet() {
    ::tcgetattr(STDIN_FILENO, &before_quiet);
    struct sigaction action {};
    action.sa_handler = show_again_and_end;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);  // so raise() ends the program
    for (const int number : kEndingSignals) ::sigaction(number, &action, nullptr);
    termios quiet = before_quiet;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~Quiet() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_quiet);
    for (const int number : kEndingSignals) static_cast<void>(::signal(number, SIG_DFL));
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

Secret read_line() {
  std::string line;
  if (!std::getline(std::cin, line) || line.empty()) {
    wipe(line);
    throw UsageError("nothing came on standard input");
  }
  return Secret(std::move(line));
}

/// Shortens a name to the size of the audit's column, without breaking a character.
std::string shortened(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  name = name.substr(0, kLongest);
  while (!is_text(name)) name.remove_suffix(1);
  return std::string(name.empty() ? "?" : name);
}

}  // namespace

std::optional<std::string> Call::option(const std::string& name) const {
  const auto found = options.find(name);
  return found == options.end() ? std::nullopt : std::optional<std::string>(found->second);
}

Config Call::config() const {
  return load_config(config_file, environ);
}

bool confirmed(const Call& call, std::string_view what) {
  if (call.has("yes")) return true;
  if (::isatty(STDIN_FILENO) != 1) {
    throw UsageError(std::string(what) +
                     " Standard input is not a terminal, so nobody can confirm: say --yes");
  }
  std::cerr << what << " Go on? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Secret read_secret_from_input(std::string_view prompt) {
  if (::isatty(STDIN_FILENO) != 1) return read_line();
  const Quiet quiet;
  std::cerr << prompt << ": " << std::flush;
  Secret first = read_line();
  std::cerr << "\nonce more: " << std::flush;
  const Secret second = read_line();
  std::cerr << '\n';
  if (first.reveal() != second.reveal()) throw UsageError("the two are not the same");
  return first;
}

std::string operator_name() {
  const char* behind = std::getenv("SUDO_USER");  // NOLINT(concurrency-mt-unsafe): one thread
  const bool is_sudo = behind != nullptr && *behind != '\0' && ::geteuid() == 0;
  return shortened(is_sudo ? behind : user_name(::getuid()));
}

std::uint64_t parse_number(std::string_view what, std::string_view text, std::uint64_t least,
                           std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    throw UsageError(std::string(what) + " is a whole number from " + std::to_string(least) +
                     " to " + std::to_string(most) + ", not '" + std::string(text) + "'");
  }
  return number;
}

std::uint64_t limit_option(const Call& call) {
  return parse_number("--limit", call.option("limit").value_or("100"), 1, 10000);
}

}  // namespace users::ctl
