// users-ctl doctor: servers without users.conf, and what replies in place of the check or goes past
// it.

#include "ctl/doctor_site.hpp"

using namespace users::test;

namespace {

const std::string kGeo = "geo $users_trusted {";

struct ServersFixture : LocationsFixture {
  /// A second server with these lines, and these at the start of the protected location.
  [[nodiscard]] static Changes beside(const std::string& other, const std::string& protect) {
    return {
        {kGeo, "server { listen unix:other.sock; server_name other.test; " + other + " }\n" + kGeo},
        {kOpen, "location ^~ /members/ { " + kAuth + protect + " } " + kOpen}};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_servers, ServersFixture)

BOOST_AUTO_TEST_CASE(the_site_of_the_manual) {
  const std::string manual = read_file("nginx/README.md");
  const auto start = manual.find("    server {");
  std::string site = manual.substr(start, manual.find("\n    }\n", start) + 7 - start);
  for (const char* line :
       {"ssl_certificate ", "ssl_certificate_key", "ssl_protocols", "include fastcgi_params"}) {
    const auto at = site.find(line);
    site.erase(at, site.find('\n', at) - at);
  }
  boost::replace_all(site, "listen 443 ssl http2;", "listen unix:manual.sock;");
  const std::string redirect =
      "server { listen unix:redirect.sock; server_name example.org; root /srv/www; return 301 "
      "https://example.org$request_uri; }";
  look_with({{kGeo, redirect + site + kGeo}});
  for (const char* check :
       {"nginx configuration", "nginx identity", "nginx session", "nginx rules", "nginx precedence",
        "nginx cache", "nginx early data", "nginx site limits"}) {
    expect_ok(check);
  }
}

BOOST_AUTO_TEST_CASE(a_check_without_users_conf) {
  const Fault fault{"nginx rules", "problem", "server other.test of ",
                    "include snippets/users-fcgi/users.conf;"};
  const std::string location = "location /members/ { " + kAuth + " }";
  for (const std::string& lines :
       {location, kAuth, "location ^~ /users/ { return 404; } " + location,
        std::string("location / { location /in/ { auth_request /users/_auth/level/2; } }")}) {
    look_with(beside(lines, ""));
    expect_found(fault);
  }
  finds_with({{kServer, "location /users/ { return 404; }"},
              {kGeo, "server { listen unix:second.sock; " + kServer + " } " + kGeo}},
             {"nginx rules", "problem", "server site.test of ", "users.conf;"});
  passes_nginx("nginx rules", beside(kServer + location, ""));
  passes_nginx("nginx rules", beside("location / { " + kStrip + " auth_request off; }", ""));
}

BOOST_AUTO_TEST_SUITE_END()
