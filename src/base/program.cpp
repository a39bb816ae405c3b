#include "base/program.hpp"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <iostream>

namespace users {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

CommandLine read_command_line(int argc, char** argv, std::span<const Option> options) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") {
      line.words.insert(line.words.end(), argv + i + 1, argv + argc);
      break;
    }
    if (word.size() < 2 || word.front() != '-') {
      line.words.emplace_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const std::string typed(word.substr(0, equals));
    const auto option =
        std::ranges::find(options, word.starts_with("--") ? typed.substr(2) : "", &Option::name);
    if (option == options.end()) {
      throw UsageError("unknown option " + typed +
                       "; if it is no option, write -- before the arguments");
    }
    std::string value;
    if (equals != std::string_view::npos) {
      if (option->value.empty()) throw UsageError("option " + typed + " takes no value");
      value = word.substr(equals + 1);
    } else if (!option->value.empty()) {
      if (++i == argc) throw UsageError("option " + typed + " needs a value");
      value = argv[i];
    }
    if (!line.options.emplace(option->name, value).second) {
      throw UsageError("option " + typed + " is given twice");
    }
  }
  return line;
}

void print_document(std::string_view name, std::span<const PrintedFile> documents) {
  std::string names;
  for (const PrintedFile& document : documents) {
    if (document.name == name) return document.print(std::cout);
    names += (names.empty() ? "" : " or ") + std::string(document.name);
  }
  throw UsageError("--print is " +
                   (names.empty() ? "an option of users-fcgi and users-ctl" : names) + ", not '" +
                   std::string(name) + "'");
}

void hold_stop_signals() {
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool stop_requested(std::chrono::milliseconds wait) {
  const sigset_t set = stop_signals();
  const timespec longest{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
  return ::sigtimedwait(&set, nullptr, &longest) > 0;
}

}  // namespace users
