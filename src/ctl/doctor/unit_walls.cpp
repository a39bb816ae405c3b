#include "ctl/doctor/unit_walls.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>
#include <utility>

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

bool is_below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_true(const std::string& text) {
  constexpr std::string_view kTrue[] = {"1", "yes", "y", "true", "t", "on"};
  return std::ranges::find(kTrue, text) != std::end(kTrue);
}

}  // namespace

std::string expand_specifiers(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kSpecifiers[] = {
      {"%t", "/run"}, {"%S", "/var/lib"}, {"%C", "/var/cache"}, {"%L", "/var/log"},
      {"%E", "/etc"}, {"%T", "/tmp"},     {"%V", "/var/tmp"}};
  for (const auto& [specifier, meant] : kSpecifiers) {
    for (auto at = text.find(specifier); at != std::string::npos; at = text.find(specifier)) {
      text.replace(at, specifier.size(), meant);
    }
  }
  return text.find('%') == std::string::npos ? text : "";
}

UnitWalls::UnitWalls(UnitSettings unit) : unit_(std::move(unit)) {
  const bool is_dynamic = is_on("DynamicUser");
  protect_system(is_dynamic);
  protect_home(is_dynamic);
  if (is_on("PrivateTmp") || is_dynamic) put({"/tmp", "/var/tmp"}, Sight::hidden, "PrivateTmp");
  constexpr std::pair<const char*, Sight> kPaths[] = {
      {"ReadWritePaths", Sight::writable},   {"ReadWriteDirectories", Sight::writable},
      {"ReadOnlyPaths", Sight::read_only},   {"ReadOnlyDirectories", Sight::read_only},
      {"InaccessiblePaths", Sight::hidden},  {"InaccessibleDirectories", Sight::hidden},
      {"TemporaryFileSystem", Sight::hidden}};
  for (const auto& [setting, sight] : kPaths) put(words(setting), sight, setting);
  constexpr std::pair<const char*, const char*> kOwn[] = {{"LogsDirectory", "/var/log/"},
                                                          {"StateDirectory", "/var/lib/"},
                                                          {"CacheDirectory", "/var/cache/"},
                                                          {"RuntimeDirectory", "/run/"}};
  for (const auto& [setting, above] : kOwn) {
    for (const std::string& name : words(setting)) put({above + name}, Sight::writable, setting);
  }
  bind("BindPaths", Sight::writable);
  bind("BindReadOnlyPaths", Sight::read_only);
}

UnitWalls::Verdict UnitWalls::look(const fs::path& path) const {
  Verdict verdict;
  std::size_t longest = 0;
  // What lies in a hidden folder is hidden with it; of all others the longest path counts.
  for (const Wall& wall : walls_) {
    const std::size_t length = wall.path.native().size();
    const bool is_hidden = wall.sight == Sight::hidden;
    if (!is_below(path, wall.path) || (verdict.sight == Sight::hidden && !is_hidden) ||
        (length < longest && !is_hidden)) {
      continue;
    }
    longest = length;
    verdict = {wall.sight, wall.setting};
  }
  // But for what is put there again.
  for (const Wall& door : doors_) {
    if (is_below(path, door.path)) verdict = {door.sight, door.setting};
  }
  return verdict;
}

const std::vector<std::string>& UnitWalls::words(std::string_view setting) const {
  static const std::vector<std::string> none;
  const auto found = unit_.find(setting);
  return found == unit_.end() ? none : found->second;
}

std::string UnitWalls::value(std::string_view setting) const {
  return words(setting).empty() ? "" : lower(words(setting).back());
}

bool UnitWalls::is_on(std::string_view setting) const {
  return is_true(value(setting)) || value(setting) == "disconnected";
}

void UnitWalls::put(const std::vector<std::string>& paths, Sight sight,
                    const std::string& setting) {
  std::error_code error;
  for (const std::string& word : paths) {
    const auto start = std::min(word.find_first_not_of("-+"), word.size());
    // TemporaryFileSystem has options behind a colon.
    const std::string path = expand_specifiers(word.substr(start, word.find(':') - start));
    if (!path.starts_with('/')) continue;
    walls_.push_back({fs::weakly_canonical(path, error), sight, setting});
    const bool may_be_missing = word.starts_with('-') || !setting.ends_with("Paths");
    if (!may_be_missing && !path.starts_with("/run/") && !fs::exists(path, error)) {
      missing_ = setting + "=" + path;
    }
  }
}

/// Each word is `SOURCE[:DESTINATION[:OPTIONS]]`.
void UnitWalls::bind(const std::string& setting, Sight sight) {
  std::error_code error;
  for (const std::string& word : words(setting)) {
    std::string path = word.substr(word.starts_with('-') ? 1 : 0);
    const auto colon = path.find(':');
    if (colon != std::string::npos) path.erase(0, colon + 1);
    path = expand_specifiers(path.substr(0, path.find(':')));
    if (path.starts_with('/')) {
      doors_.push_back({fs::weakly_canonical(path, error), sight, setting});
    }
  }
}

void UnitWalls::protect_home(bool is_dynamic) {
  const std::string text = value("ProtectHome");
  const std::vector<std::string> homes{"/home", "/root", "/run/user"};
  if (is_true(text) || text == "tmpfs") {
    put(homes, Sight::hidden, "ProtectHome");
  } else {
    // ProtectSystem=strict leaves them out.
    const bool is_kept = text == "read-only" || is_dynamic;
    put(homes, is_kept ? Sight::read_only : Sight::writable, "ProtectHome");
  }
}

void UnitWalls::protect_system(bool is_dynamic) {
  std::string text = is_dynamic ? "strict" : "";
  for (const std::string& typed : words("ProtectSystem")) {
    const std::string word = lower(typed);
    if (is_true(word) || word == "full" || word == "strict") text = word;
    if (word == "no" || word == "false" || word == "off" || word == "0") text = "";
  }
  const std::string setting = "ProtectSystem=" + text;
  if (text == "strict") {
    put({"/"}, Sight::read_only, setting);
    put({"/dev", "/proc", "/sys"}, Sight::writable, setting);
  } else if (!text.empty()) {
    put({"/usr", "/boot", "/efi"}, Sight::read_only, setting);
    if (text == "full") put({"/etc"}, Sight::read_only, setting);
  }
}

}  // namespace users::ctl
