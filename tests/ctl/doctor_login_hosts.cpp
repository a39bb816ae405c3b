// users-ctl doctor: the hosts of session.cookie_domain, and those that log in at another one.

#include "ctl/doctor_site.hpp"

using namespace users::test;

namespace {

struct LoginHostsFixture : LocationsFixture {
  LoginHostsFixture() { environment["USERS_FCGI_SESSION_COOKIE_DOMAIN"] = "example.org"; }

  /// These lines in users_login_hosts.conf.
  [[nodiscard]] Changes with(const std::string& lines) const {
    const fs::path hosts = folder.write("login_hosts", lines);
    const std::string include = "include snippets/users-fcgi/users_http.conf;";
    const fs::path http = folder.write(
        "users_http.conf",
        boost::replace_all_copy(read_file("nginx/users_http.conf"),
                                "snippets/users-fcgi/users_login_hosts.conf", hosts.string()));
    return {{include, "include " + http.string() + ";"},
            {"server_name site.test;", "server_name id.example.org;"}};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_login_hosts, LoginHostsFixture)

BOOST_AUTO_TEST_CASE(a_host_that_does_not_belong_to_the_cookies_domain) {
  environment["USERS_FCGI_SESSION_COOKIE_DOMAIN"] = "example.org";
  const std::string own = "server_name site.test;";
  finds_with({{own, "server_name app.example.org example.com;"}},
             {"cookie domain", "warning", "server_name example.com", "correct one"});
  finds_with({{own, "server_name app.example.org example.com badexample.org;"}},
             {"cookie domain", "warning", "example.com of ", "correct one"});
  expect({"cookie domain", "warning", ", badexample.org of ", "correct one"});
  passes_nginx("cookie domain", {{own, "server_name example.org *.Example.ORG _ ~^a;"}});
}

BOOST_AUTO_TEST_CASE(hosts_that_log_in_at_another_one) {
  const auto finds = [&](const std::string& lines, const Fault& fault) {
    finds_with(with(lines), fault);
  };
  for (const char* value : {"http://id.example.org", "https://id.example.org/",
                            "https://id.example.org/users/", "id.example.org", "https://"}) {
    finds("app.example.org " + std::string(value) + ";",
          {"cookie domain", "problem", "app.example.org " + std::string(value) + " of ",
           "https://HOST;"});
  }
  finds("app.example.com https://id.example.org;",
        {"cookie domain", "warning", "app.example.com is not below", "correct one"});
  finds("app.example.org https://id.example.com:8443;",
        {"cookie domain", "warning", "id.example.com is not below", "correct one"});
  const std::string there = "App.example.org https://id.example.org;";
  finds(there + " id.example.org https://APP.example.org:444;",
        {"cookie domain", "problem", "nobody can log in", "remove the line of "});
  finds("app.example.org https://app.example.org;",
        {"cookie domain", "problem", "itself logs in at another host", "remove the line"});
  passes_nginx("cookie domain", with(there + " www.example.org https://id.example.org:8443; "
                                             "example.org https://id.example.org;"));
  environment["USERS_FCGI_SESSION_COOKIE_DOMAIN"] = "none";
  finds(there, {"cookie domain", "problem", "needs session.cookie_domain", "cookie_domain in"});
  passes_nginx("cookie domain", with(""));
}

BOOST_AUTO_TEST_SUITE_END()
