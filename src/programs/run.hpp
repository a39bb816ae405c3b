// Shared by the programs' main functions: from argv to an exit code.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/config.hpp"
#include "base/program.hpp"
#include "base/secret.hpp"

namespace users {

/// Runs a program: first sets UTC and disables core dumps, then turns an exception from `body` into
/// one line on standard error and an exit code.
int run_program(std::string_view name, const std::function<int(int argc, char** argv)>& body,
                int argc, char** argv);

/// A server program.
struct Service {
  std::string_view name;
  std::string_view help;
  std::span<const PrintedFile> documents;  ///< for --print
  /// Returns the exit code.
  int (*body)(const Config&, const Secret& password, const Secret& key);
};

/// Runs a server program. It takes --config, --check-config, --check-database, --print-config,
/// --print, --help and --version. If its configuration is bad, it exits one second after the
/// message.
int run_service(const Service& service, int argc, char** argv);

}  // namespace users
