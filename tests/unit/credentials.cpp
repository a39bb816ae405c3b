// Whether a page of this very site asks. (Tokens and cookies: tests/accounts/cookie.cpp.)
#include "web/credentials.hpp"

#include <boost/test/unit_test.hpp>

using namespace users::web;

namespace {

std::optional<bool> told(const std::string& sec_fetch_site, const std::string& origin,
                         bool secure_cookie, const std::string& host = "example.org") {
  Request request;
  request.sec_fetch_site = sec_fetch_site;
  request.origin = origin;
  request.host = host;
  return is_same_origin(request, secure_cookie);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(credentials)

BOOST_AUTO_TEST_CASE(with_a_secure_cookie_only_https_is_the_site) {
  BOOST_TEST((told("", "https://example.org", true) == true));
  BOOST_TEST((told("", "http://example.org", true) == false));
  BOOST_TEST((told("", "http://example.org", false) == true));
  // nginx may stand behind what ends TLS.
  BOOST_TEST((told("", "https://example.org", false) == true));
  for (const char* origin : {"ftp://example.org", "://example.org", "example.org", "null",
                             "HTTPS://example.org", "https://example.org:8443"}) {
    BOOST_TEST((told("", origin, true) == false), origin);
    BOOST_TEST((told("", origin, false) == false), origin);
  }
}

BOOST_AUTO_TEST_CASE(what_the_browser_says_of_the_site_goes_first) {
  BOOST_TEST((told("same-origin", "http://evil.invalid", true) == true));
  BOOST_TEST((told("cross-site", "https://example.org", true) == false));
  BOOST_TEST((told("same-site", "", true) == false));
}

BOOST_AUTO_TEST_CASE(silence_is_no_answer) {
  BOOST_TEST((told("", "", true) == std::nullopt));
  BOOST_TEST((told("", "https://", true, "") == false));
}

BOOST_AUTO_TEST_SUITE_END()
