// The system user, the secrets and the folders that setup creates. All functions throw Refused on
// failure. `user` is the system user of the service.
#pragma once

#include <string>

namespace users::ctl {

bool has_system_user(const std::string& user);
void add_system_user(const std::string& user);

/// Refuses a path through a folder of another user: a link there could lead root anywhere.
void require_safe_path(const std::string& path);

/// Writes a random secret completely or not at all, since half a key would be another key. Does not
/// replace an existing file. The owner is `user`, or root if that is empty.
void write_secret(const std::string& file, const std::string& user);

bool owns_folder(const std::string& user, const std::string& path);
void make_folder(const std::string& user, const std::string& path);

}  // namespace users::ctl
