// doctor: caches that give what one user gets to others.
#include "accounts/access_rule.hpp"
#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

/// The cache of the check's own replies: what admits to one location must not admit to another.
void find_check_caches(Faults& faults, const Site& site) {
  for (const Directive* block : site.blocks) {
    const std::string zone = value_in_effect(*block, "fastcgi_cache");
    if (!is(*block, {"location", "^~", kCheckPath}) || zone.empty() || zone == "off") continue;
    std::string key = value_in_effect(*block, "fastcgi_cache_key");
    // set_sha1 computes a variable from other words.
    for (const Directive* one : block->inside) {
      if (one->words[0].starts_with("set") && one->words.size() > 2 && one->words[1] == key) {
        key = one->words[2];
        break;
      }
    }
    if (key.find("$uri") != std::string::npos) continue;
    faults.push_back(
        problem("the key of fastcgi_cache " + zone + " in " + name_of(*block) +
                    " has no rule: who gets into one protected location gets into all",
                "install users_check_cache.conf.example as users_check_cache.conf again"));
  }
}

}  // namespace

void find_caches(Faults& faults, const Site& site) {
  find_check_caches(faults, site);
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    if (!has_check(block)) return;
    const std::string name = protocol.name + "_cache";
    const std::string zone = value_in_effect(block, name);
    const std::string key = value_in_effect(block, name + "_key");
    if (zone.empty() || zone == "off" || key.find("$users_id") != std::string::npos) return;
    faults.push_back(
        problem(name_of(block) + ": " + name + " " + zone + " gives the page of one user to others",
                "write into it: " + name + " off;  or add $users_id to its " + name + "_key"));
  });
}

}  // namespace users::ctl
