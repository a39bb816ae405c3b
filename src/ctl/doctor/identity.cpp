// doctor: which user the backends of a site see, and who else may send them one.
#include <algorithm>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/erase.hpp>
#include <boost/algorithm/string/join.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/replace.hpp>

#include "ctl/doctor/site.hpp"

namespace users::ctl {
namespace {

std::string underscored(std::string_view header) {
  return boost::replace_all_copy(std::string(header), "-", "_");
}

/// The values of a header or parameter that nginx sets for a block's backend.
std::vector<std::string> values_of(const Directive& block, const Protocol& protocol,
                                   const std::string& name) {
  std::vector<std::string> values;
  for (const Directive* one : in_effect(block, protocol.header)) {
    const auto& words = one->words;
    if (words.size() > 2 && boost::iequals(words[1], name)) values.push_back(words[2]);
  }
  return values;
}

/// The variable that users_identity.conf sets a header to.
std::string variable_of(std::string_view header) {
  return "$users_" + boost::to_lower_copy(std::string(header.substr(header.rfind('-') + 1)));
}

/// Returns true if a value is nobody, or the user whom the check has found.
bool is_checked(std::string value, std::string_view header) {
  boost::erase_all(value, "{");
  boost::erase_all(value, "}");
  return value.empty() || value == variable_of(header);
}

bool sets_identity(const Directive& block, const Protocol& protocol) {
  // Many backends treat both spellings of a header as one.
  const bool is_ambiguous =
      !protocol.has_parameters() && value_in_effect(block, "underscores_in_headers") == "on";
  return std::ranges::all_of(kIdentityHeaders, [&](std::string_view header) {
    const auto sets = [&](const std::string& name) {
      const auto values = values_of(block, protocol, name);
      return !values.empty() && std::ranges::all_of(values, [&](const std::string& value) {
        return is_checked(value, header);
      });
    };
    return sets(protocol.name_of(header)) && (!is_ambiguous || sets(underscored(header)));
  });
}

/// Returns true if a block should set the identity, as the blocks around it do.
bool has_lost_identity(const Directive& block, const Protocol& protocol) {
  for (const Directive* at = block.around; at != nullptr; at = at->around) {
    if (sets_identity(*at, protocol)) return true;
  }
  return has_check(block);
}

/// Finds lines that tell the backend another user than the check has found.
bool find_other_users(Faults& faults, const Directive& block, const Protocol& protocol) {
  bool is_found = false;
  for (const Directive* one : in_effect(block, protocol.header)) {
    if (one->words.size() < 3) continue;
    for (const std::string_view header : kIdentityHeaders) {
      const std::string& value = one->words[2];
      const bool is_header =
          boost::iequals(underscored(one->words[1]), underscored(protocol.name_of(header)));
      // In a location for everybody, a constant is the site's own choice.
      const bool is_constant = !has_check(block) && value.find('$') == std::string::npos;
      if (!is_header || is_constant || is_checked(value, header)) continue;
      is_found = true;
      faults.push_back(
          problem(name_of(block) + ": " + boost::join(one->words, " ") +
                      " tells its backend a user whom the check has not found",
                  "remove that line; users_identity.conf sets it to " + variable_of(header)));
    }
  }
  return is_found;
}

}  // namespace

const std::vector<Protocol> kProtocols = {{"proxy", "proxy_set_header"},
                                          {"grpc", "grpc_set_header"},
                                          {"fastcgi", "fastcgi_param"},
                                          {"uwsgi", "uwsgi_param"},
                                          {"scgi", "scgi_param"}};

std::string Protocol::name_of(std::string_view header_name) const {
  return has_parameters() ? "HTTP_" + boost::to_upper_copy(underscored(header_name))
                          : std::string(header_name);
}

bool passes_on(const Directive& block) {
  return std::ranges::any_of(kProtocols,
                             [&](const Protocol& protocol) {
                               return !own(block, protocol.name + "_pass").empty();
                             }) ||
         std::ranges::any_of(block.inside, [](const Directive* one) {
           return is_any(*one, {"if", "limit_except"}) && passes_on(*one);
         });
}

bool strips_identity(const Directive& block, const Protocol& protocol) {
  return value_in_effect(block, protocol.name + "_pass_request_headers") == "off" ||
         sets_identity(block, protocol);
}

void find_forgeries(Faults& faults, const Site& site) {
  find_off(faults, site, "ignore_invalid_headers", "a client's own X.User.Id reaches the backends");
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    if (find_other_users(faults, block, protocol) || strips_identity(block, protocol)) return;
    const std::string advice = std::string("write into it: include snippets/users-fcgi/") +
                               (has_check(block) ? "users_identity.conf;" : "users_strip.conf;");
    std::string found = name_of(block) + " passes a client's own X-User-Id on to its backend";
    if (!has_lost_identity(block, protocol)) return faults.push_back(warning(found, advice));
    if (!own(block, protocol.header).empty()) {
      found += ": each " + protocol.header + " of its own replaces all that it would inherit";
    }
    faults.push_back(problem(found, advice));
  });
}

void find_early_data(Faults& faults, const Site& site) {
  const bool is_on = std::ranges::any_of(site.parsers, [](const Directive* parser) {
    return value_in_effect(*parser, "ssl_early_data") == "on";
  });
  if (!is_on) return;
  // Under /users/ users.conf itself replies 425 (RFC 8470).
  for_each_pass(site.blocks, [&](const Directive& block, const Protocol& protocol) {
    const std::string early_data = protocol.name_of("Early-Data");
    const auto values = values_of(block, protocol, early_data);
    const bool is_told = !values.empty() && std::ranges::none_of(values, [](const auto& value) {
      return value.find("http_early_data") != std::string::npos;
    });
    if (!has_check(block) || is_told) return;
    faults.push_back(
        warning("ssl_early_data on: anybody who records a request to " + name_of(block) +
                    " can send it to the backend again",
                "write into it, behind its include: " + protocol.header + " " + early_data +
                    " $ssl_early_data;  and let the backend reply 425; or set ssl_early_data off; "
                    "in each server block of its address"));
  });
}

}  // namespace users::ctl
