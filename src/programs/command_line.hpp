// What the programs' command lines have in common.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/secret.hpp"

namespace users {

/// Exit codes of sysexits.h that the programs use.
constexpr int kExitUsage = 64;
constexpr int kExitUnavailable = 69;
constexpr int kExitConfig = 78;

/// Where the configuration is looked for without --config.
constexpr std::string_view kDefaultConfig = "/etc/users-fcgi/users.conf";

/// Options of the form `--name` or `--name VALUE`/`--name=VALUE`, and the other words.
struct CommandLine {
  std::string config{kDefaultConfig};
  bool help = false;
  bool version = false;
  bool check = false;
  std::vector<std::string> words;
};

/// Reads argv; `check_option` is the name of the program's own switch, such as `check-config`.
/// Throws std::runtime_error, whose text says what is wrong.
CommandLine read_command_line(int argc, char** argv, const char* check_option);

/// Runs a program: sets UTC and keeps secrets out of core dumps first, then turns what `body`
/// throws into one line on standard error and an exit code.
int run_program(std::string_view name, const std::function<int(int argc, char** argv)>& body,
                int argc, char** argv);

/// The same for a program that serves: it takes --config, --check-config, --help and --version and
/// nothing else. `body` gets the configuration, the database's password and the service's key, and
/// returns the exit code.
int run_service(std::string_view name, std::string_view help,
                int (*body)(const Config&, const Secret& password, const Secret& key), int argc,
                char** argv);

}  // namespace users
