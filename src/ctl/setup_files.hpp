// The system user, the secrets and the folders that setup makes.
#pragma once

#include <string>
#include <utility>

namespace users::ctl {

/// All throw Refused if they cannot do it.
class ServiceFiles {
 public:
  /// `user`: the system user that the service runs as.
  explicit ServiceFiles(std::string user) : user_(std::move(user)) {}

  [[nodiscard]] bool has_user() const;
  void add_user() const;

  /// Writes a random secret, whole or not at all, since half a key would be another key. A file
  /// that exists is not replaced. `of_service`: the service's user gets it, else root.
  void write_secret(const std::string& file, bool of_service) const;

  [[nodiscard]] bool owns_folder(const std::string& path) const;
  void make_folder(const std::string& path) const;

  /// In a folder of another user a link could lead root anywhere.
  static void require_roots_way(const std::string& path);

 private:
  [[nodiscard]] bool give_to_service(int fd) const;

  std::string user_;
};

}  // namespace users::ctl
