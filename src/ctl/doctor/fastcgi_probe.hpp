// One FastCGI request to a pool's socket, as nginx would send it.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace users::ctl {

struct ProbeResult {
  bool connected = false;
  int error = 0;       ///< errno where it did not connect
  std::string status;  ///< `200 OK`, of the reply; empty where none came whole in time
};

/// GET of `path` through the unix socket; waits at most `limit` for the reply.
ProbeResult probe(const std::filesystem::path& socket, const std::string& path,
                  std::chrono::milliseconds limit);

}  // namespace users::ctl
