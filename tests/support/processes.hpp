/// @file
/// What the kernel shows of every process that runs.
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace users::test {

/// The file `name` ("cmdline", "environ") of every process, one after another. A process that ends
/// meanwhile gives nothing.
[[nodiscard]] inline std::string of_all_processes(const char* name) {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (!std::all_of(pid.begin(), pid.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; })) {
      continue;
    }
    std::ifstream file(entry.path() / name, std::ios::binary);
    // By <<, since reading fails when the process ends between open and read, and an
    // istreambuf_iterator throws then.
    std::ostringstream text;
    text << file.rdbuf();
    all += text.str() + "\n";
  }
  return all;
}

}  // namespace users::test
