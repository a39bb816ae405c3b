#include "ctl/operator.hpp"

#include <csignal>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

/// The user behind sudo, unless a test sets another.
constexpr const char* kSudo = "SUDO_USER=alice";

std::vector<std::string> with_config(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--config", state_folder() + "/users.conf"});
  return arguments;
}

}  // namespace

nlohmann::json CtlResult::json() const {
  return nlohmann::json::parse(output, nullptr, false);
}

CtlResult ctl(const std::vector<std::string>& arguments, const std::string& input,
              std::vector<std::string> environment) {
  constexpr double kLongest = 60;
  const TemporaryDirectory directory;
  environment.emplace_back(kSudo);
  const int in = ::open(directory.write("input", input).c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) throw std::runtime_error("cannot open the input");
  WorkerProgram program({.program = "users-ctl",
                         .arguments = with_config(arguments),
                         .environment = std::move(environment),
                         .standard_input = in,
                         .output = directory.path() / "output",
                         .errors = directory.path() / "errors"});
  const int status = program.exit_within(kLongest).value_or(-1);
  ::close(in);
  return {status, read_file(directory.path() / "output"), read_file(directory.path() / "errors")};
}

std::string operator_on_duty() {
  return ::geteuid() == 0 ? "alice" : ::getpwuid(::getuid())->pw_name;
}

std::vector<std::vector<std::string>> rows_of(const std::string& output) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    auto& row = rows.emplace_back();
    std::istringstream cells(line + '\t');
    for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
  }
  return rows;
}

Terminal::Terminal(const std::vector<std::string>& arguments) {
  // Allocate everything before the fork.
  std::vector<std::string> words = with_config(arguments);
  words.insert(words.begin(), path_of("users-ctl"));
  std::vector<char*> word_pointers;
  for (std::string& word : words) word_pointers.push_back(word.data());
  word_pointers.push_back(nullptr);
  std::string sudo = kSudo;
  char* const environment[] = {sudo.data(), nullptr};
  pid_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
  if (pid_ < 0) throw std::runtime_error("no pseudo terminal");
  if (pid_ > 0) return;
  ::execve(word_pointers[0], word_pointers.data(), environment);
  ::_exit(127);
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(terminal_);
}

bool Terminal::read_more() {
  constexpr int kLongestMs = 20000;
  pollfd ready{terminal_, POLLIN, 0};
  if (::poll(&ready, 1, kLongestMs) <= 0) return false;
  char buffer[4096];
  const ssize_t got = ::read(terminal_, buffer, sizeof buffer);
  if (got <= 0) return false;  // EIO: the program has ended
  shown_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

bool Terminal::expect(const std::string& text) {
  for (;;) {
    const auto found = shown_.find(text, seen_);
    if (found != std::string::npos) {
      seen_ = found + text.size();
      return true;
    }
    if (!read_more()) return false;
  }
}

void Terminal::type(const std::string& line) const {
  const std::string typed = line + "\n";
  [[maybe_unused]] const ssize_t written = ::write(terminal_, typed.data(), typed.size());
}

bool Terminal::echoes() const {
  termios settings{};
  if (::tcgetattr(terminal_, &settings) != 0) throw std::runtime_error("no settings");
  return (settings.c_lflag & ECHO) != 0;
}

int Terminal::finish() {
  while (read_more()) {
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace users::test
