// What the programs' main functions have in common: from argv to an exit code.
#pragma once

#include <functional>
#include <string_view>

#include "base/config.hpp"
#include "base/secret.hpp"

namespace users {

/// Runs a program: sets UTC and keeps secrets out of core dumps first, then turns what `body`
/// throws into one line on standard error and an exit code.
int run_program(std::string_view name, const std::function<int(int argc, char** argv)>& body,
                int argc, char** argv);

/// The same for a program that serves: it takes --config, --check-config, --check-database,
/// --print-config, --help and --version, and nothing else. `body` gets the configuration, the
/// database's password and the service's key, and returns the exit code. One that cannot start for
/// its configuration ends a second after it has said so.
int run_service(std::string_view name, std::string_view help,
                int (*body)(const Config&, const Secret& password, const Secret& key), int argc,
                char** argv);

}  // namespace users
