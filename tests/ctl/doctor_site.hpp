// Fixture of the doctor's tests of an nginx's sites: names for the parts of the stack's
// configuration.
#pragma once

#include <algorithm>

#include "ctl/doctor_fixture.hpp"

namespace users::test {

inline const std::string kHttp = "http {";
inline const std::string kServer = "include snippets/users-fcgi/users.conf;";
inline const std::string kSample = "location ^~ /private/ {";
inline const std::string kOpen = "location / {\n            return 404;";
inline const std::string kAuth = "include snippets/users-fcgi/users_auth.conf;";
inline const std::string kIdentity = "include snippets/users-fcgi/users_identity.conf;";
inline const std::string kStrip = "include snippets/users-fcgi/users_strip.conf;";
inline const std::string kPass = "proxy_pass http://127.0.0.1:9;";

struct LocationsFixture : DoctorFixture {
  /// Expects the fault with `text` at the start of the protected location.
  void finds_in_sample(const std::string& text, const Fault& fault) {
    finds_with({{kSample, kSample + "\n" + text}}, fault);
  }

  /// Expects one of the rows to be the fault.
  void expect_found(const Fault& fault) const {
    const bool is_found = std::ranges::any_of(rows, [&](const nlohmann::json& one) {
      return one["check"] == fault.check && one["state"] == fault.state &&
             contains(one["found"].get<std::string>(), fault.found) &&
             contains(one["advice"].get<std::string>(), fault.advice);
    });
    BOOST_TEST(is_found, fault.found << " is not in " << rows.dump());
  }

  void passes_in_sample(const std::string& check, const std::string& text) {
    passes_nginx(check, {{kSample, kSample + "\n" + text}});
  }
};

}  // namespace users::test
