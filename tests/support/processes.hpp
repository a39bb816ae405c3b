/// @file Reads /proc of all running processes.
#pragma once

#include <filesystem>
#include <string>

#include "support/text.hpp"

namespace users::test {

/// Concatenates the file `name` ("cmdline", "environ") of all processes.
[[nodiscard]] inline std::string of_all_processes(const char* name) {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != pid.npos) continue;
    all += read_file(entry.path() / name) + "\n";
  }
  return all;
}

}  // namespace users::test
