// The system user, the secrets and the folders that setup creates.
#pragma once

#include <string>
#include <utility>

namespace users::ctl {

/// All functions throw Refused on failure.
class ServiceFiles {
 public:
  /// `user` is the system user of the service.
  explicit ServiceFiles(std::string user) : user_(std::move(user)) {}

  [[nodiscard]] bool has_user() const;
  void add_user() const;

  /// Writes a random secret completely or not at all, since half a key would be another key. Does
  /// not replace an existing file. `of_service`: the service's user owns it, else root.
  void write_secret(const std::string& file, bool of_service) const;

  [[nodiscard]] bool owns_folder(const std::string& path) const;
  void make_folder(const std::string& path) const;

  /// Refuses a path through a folder of another user: a link there could lead root anywhere.
  static void require_roots_way(const std::string& path);

 private:
  [[nodiscard]] bool give_to_service(int fd) const;

  std::string user_;
};

}  // namespace users::ctl
