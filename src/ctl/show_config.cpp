// users-ctl config: the effective values and where each came from.
#include <iostream>

#include "ctl/command.hpp"

namespace users::ctl {

int show_config(const Call& call) {
  const Config config = call.config();
  std::vector<json::Object> rows;
  for (const ConfigKey& key : config_keys()) {
    // Of a secret the configuration knows the file's name only, so there is nothing to mask.
    rows.push_back({{"key", key.name},
                    {"value", config.texts.find(key.name)->second},
                    {"origin", config.origins.find(key.name)->second}});
  }
  print_rows(std::cout, call.form(), {"key", "value", "origin"}, rows);
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
