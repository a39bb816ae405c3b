// What the programs' main functions have in common: from argv to an exit code.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/config.hpp"
#include "base/program.hpp"
#include "base/secret.hpp"

namespace users {

/// Runs a program: sets UTC and keeps secrets out of core dumps first, then turns what `body`
/// throws into one line on standard error and an exit code.
int run_program(std::string_view name, const std::function<int(int argc, char** argv)>& body,
                int argc, char** argv);

/// A program that serves.
struct Service {
  std::string_view name;
  std::string_view help;
  std::span<const Document> documents;  ///< what it prints by --print
  /// Returns the exit code.
  int (*body)(const Config&, const Secret& password, const Secret& key);
};

/// The same for a program that serves: it takes --config, --check-config, --check-database,
/// --print-config, --print, --help and --version, and nothing else. One that cannot start for its
/// configuration ends a second after it has said so.
int run_service(const Service& service, int argc, char** argv);

}  // namespace users
