// The configuration file. Input: the file.
#include "base/config.hpp"

#include "fuzz/fuzz.hpp"

namespace users {
namespace {

using fuzz::require;

void look_at(const Config& config, const fuzz::MemoryFile& file) {
  std::string printed;
  for (const ConfigKey& key : config_keys()) {
    const auto text = config.texts.find(key.name);
    require(text != config.texts.end() && config.origins.contains(key.name), "every key is set");
    printed.append(key.name).append(" = ").append(text->second).append("\n");
  }
  require(config.texts.size() == config_keys().size(), "no key that is not in the table");
  require(!config.database_hosts.empty() && !config.database_hosts[0].empty(), "a host at least");
  file.write(printed);
  const Config again = load_config(file.path(), nullptr);
  require(again.texts == config.texts, "a file is read as it was written");
  require(again.database_hosts == config.database_hosts, "hosts are read as they were written");
}

}  // namespace
}  // namespace users

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const users::fuzz::MemoryFile file;
  file.write(users::fuzz::view(data, size));
  try {
    users::look_at(users::load_config(file.path(), nullptr), file);
  } catch (const users::ConfigError& refusal) {
    users::fuzz::require(std::string_view(refusal.what()).starts_with(file.path() + ":"),
                         "a refusal names the file");
  }
  return 0;
}
