// A unit of systemd as its files say, also where systemd does not run.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace users::ctl {

/// The settings of the [Service] section, by name: the words of all lines in their order. An empty
/// line takes back those before it, as systemd does (systemd.syntax(7)).
using UnitSettings = std::map<std::string, std::vector<std::string>, std::less<>>;

/// Reads a service's unit and what drop-ins add to it (systemd.unit(5)) from the folders of
/// $SYSTEMD_UNIT_PATH, or else from those of the system's units. Empty if there is no such unit.
UnitSettings read_unit(const std::string& service);

}  // namespace users::ctl
