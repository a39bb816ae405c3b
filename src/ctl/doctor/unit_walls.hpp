// What a unit of systemd leaves its processes of the machine's files (systemd.exec(5)).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/doctor/unit_file.hpp"

namespace users::ctl {

/// What a unit's processes can do with a path.
enum class Sight { hidden, read_only, writable };

/// Fills in the specifiers that stand for folders, such as %t. Returns an empty text if another
/// specifier is left.
std::string expand_specifiers(std::string text);

class UnitWalls {
 public:
  explicit UnitWalls(UnitSettings unit);

  struct Verdict {
    Sight sight = Sight::writable;
    std::string setting;  ///< the one that decides
  };
  [[nodiscard]] Verdict look(const std::filesystem::path& path) const;

  /// The words of a setting; empty if the unit does not have it.
  [[nodiscard]] const std::vector<std::string>& words(std::string_view setting) const;

  /// A setting that names a path which does not exist: the unit cannot start. Empty if there is
  /// none. Paths below /run do not count, since they are made when the machine starts.
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  struct Wall {
    std::filesystem::path path;
    Sight sight;
    std::string setting;
  };

  [[nodiscard]] std::string value(std::string_view setting) const;
  [[nodiscard]] bool is_on(std::string_view setting) const;
  void put(const std::vector<std::string>& paths, Sight sight, const std::string& setting);
  void bind(const std::string& setting, Sight sight);
  void protect_home(bool is_dynamic);
  void protect_system(bool is_dynamic);

  UnitSettings unit_;
  std::vector<Wall> walls_;
  std::vector<Wall> doors_;  ///< bind mounts, which show what a wall hides
  std::string missing_;
};

}  // namespace users::ctl
