// Who else than root can change what a path leads to.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include <sys/types.h>

namespace users::ctl {

enum class Judged {
  way,      ///< the folders and links on the way: what is made or opened at its end
  content,  ///< and the file at its end: what is read and believed
};

/// Follows a path as the kernel does, link by link, and returns what on its way somebody else than
/// root, this user and `trusted` may change, as a text such as `/srv/x, which belongs to alice`.
/// Empty if nobody may; what is not there yet, nobody has made. Groups whose members are all
/// trusted, and folders like /tmp for names that are there and trusted, do no harm.
std::string stranger_on(const std::filesystem::path& path, Judged judged,
                        std::initializer_list<uid_t> trusted = {});

}  // namespace users::ctl
